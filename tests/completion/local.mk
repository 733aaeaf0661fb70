# Completion of the command lines in real shells, against what --help says; the help of each command.
dist_check_SCRIPTS += tests/completion/check-bash.py tests/completion/check-help.py tests/completion/check-zsh.py
TESTS += tests/completion/check-bash.py tests/completion/check-help.py tests/completion/check-zsh.py
EXTRA_DIST += tests/completion/usage.py
