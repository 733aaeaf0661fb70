# What `make check` runs. Each kind of test lists its own files in its local.mk.
dist_check_SCRIPTS += tests/check-layers.py tests/check-symbols.sh tests/check-checks.sh
TESTS += tests/check-layers.py tests/check-symbols.sh tests/check-checks.sh

include tests/unit/local.mk
include tests/scenario/local.mk
include tests/rules/local.mk
include tests/replay/local.mk
include tests/differential/local.mk
include tests/lab/local.mk
include tests/fuzz/local.mk
