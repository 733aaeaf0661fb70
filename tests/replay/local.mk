# Real captures, and what must happen in each.
dist_check_SCRIPTS += tests/replay/explained.py tests/replay/related.py tests/replay/run.py tests/replay/commands.py
EXTRA_DIST += tests/replay/any.rules
TESTS += tests/replay/explained.py tests/replay/related.py tests/replay/run.py tests/replay/commands.py
