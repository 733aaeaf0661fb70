# Completion of the command lines, where the shells look below the prefix.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
dist_bashcompletion_DATA = completion/bash/spid completion/bash/spidctl
dist_zshcompletion_DATA = completion/zsh/_spid completion/zsh/_spidctl
