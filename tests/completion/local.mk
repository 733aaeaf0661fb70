# Completion of the command lines in real shells, against what --help says.
dist_check_SCRIPTS += tests/completion/check-bash.py tests/completion/check-zsh.py
TESTS += tests/completion/check-bash.py tests/completion/check-zsh.py
EXTRA_DIST += tests/completion/usage.py
