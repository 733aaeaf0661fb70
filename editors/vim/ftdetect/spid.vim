" Rules of spid: by where they stand, and else by what no other kind of *.rules begins a line with.
autocmd BufNewFile,BufRead spid.rules,*/spid/*.rules set filetype=spid
autocmd BufRead *.rules if search('^\s*\(zone\|set\|service\|test\)\s\+\("[^"]*"\|\h[[:alnum:]_-]*\)\s*=\|^\s*\(allow\|deny\|reject\)\s.*\sto\s', 'cnw') | set filetype=spid | endif
