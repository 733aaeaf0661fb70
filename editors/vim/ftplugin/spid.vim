" Editing the rules of spid: comments, names with hyphens, and :make, which lists what `spid --check` finds.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s
setlocal iskeyword+=-
setlocal formatoptions-=t formatoptions+=croql
setlocal include=^\\s*include\\s\\+
setlocal makeprg=spid\ --check\ %:S
setlocal errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m,%-G%.%#

let b:undo_ftplugin = 'setlocal comments< commentstring< iskeyword< formatoptions< include< makeprg< errorformat<'
