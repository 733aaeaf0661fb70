# Syntax files, where editors look below the prefix. tests/editors holds their words against the lexer's.
vimdir = $(datadir)/vim/vimfiles
vimdetectdir = $(vimdir)/ftdetect
vimplugindir = $(vimdir)/ftplugin
vimsyntaxdir = $(vimdir)/syntax
dist_vimdetect_DATA = editors/vim/ftdetect/spid.vim
dist_vimplugin_DATA = editors/vim/ftplugin/spid.vim
dist_vimsyntax_DATA = editors/vim/syntax/spid.vim

# VS Code takes the folder as an extension.
vscodedir = $(pkgdatadir)/vscode
vscodesyntaxesdir = $(vscodedir)/syntaxes
dist_vscode_DATA = editors/vscode/package.json editors/vscode/language-configuration.json
dist_vscodesyntaxes_DATA = editors/vscode/syntaxes/spid.tmLanguage.json
