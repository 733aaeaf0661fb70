# The syntax files for editors: their words against the parser's, and whole rules files in a real Vim and by the TextMate grammar.
dist_check_SCRIPTS += tests/editors/check-words.py tests/editors/check-textmate.py tests/editors/check-vim.py
TESTS += tests/editors/check-words.py tests/editors/check-textmate.py tests/editors/check-vim.py
EXTRA_DIST += tests/editors/language.py
