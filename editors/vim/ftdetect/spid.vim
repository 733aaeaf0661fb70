" Rules of spid: by where they stand, and else by what no other kind of *.rules begins a line with. Vim takes every *.rules
" for somebody's first, and what it loaded for them would stop ftplugin/spid.vim.
function s:Found()
  unlet! b:did_ftplugin
  set filetype=spid
endfunction

autocmd BufNewFile,BufRead spid.rules,*/spid/*.rules call s:Found()
autocmd BufRead *.rules
  \ if &filetype !=# 'spid' && (search('\v^\s*%(zone|set|service|schedule)\s+%("[^"]*"|\h[[:alnum:]_-]*)\s*\=', 'cnw')
  \   || search('\v^\s*%(allow|deny|reject)\s.*\sto\s', 'cnw'))
  \ | call s:Found()
  \ | endif
