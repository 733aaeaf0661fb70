# What `make check` runs. Each kind of test lists its own files in its local.mk.
dist_check_SCRIPTS += tests/check-layers.py tests/check-symbols.sh tests/check-checks.sh
TESTS += tests/check-layers.py tests/check-symbols.sh tests/check-checks.sh

# The manual is held against the code.
dist_check_SCRIPTS += tests/check-grammar.py tests/check-examples.py tests/check-reasons.py
EXTRA_DIST += tests/manual.py
TESTS += tests/check-grammar.py tests/check-examples.py tests/check-reasons.py

include tests/editors/local.mk
include tests/completion/local.mk
include tests/systemd/local.mk
include tests/unit/local.mk
include tests/scenario/local.mk
include tests/soak/local.mk
include tests/rules/local.mk
include tests/replay/local.mk
include tests/differential/local.mk
include tests/lab/local.mk
include tests/fuzz/local.mk
include tests/packaging/local.mk
