#!/bin/sh
# The fast path against the engine: dialogues from seeds; more of them under `make check-long`.
dialogues=2000
[ -n "${SPID_LAB_LONG:-}" ] && dialogues=50000
[ "$(id -u)" = 0 ] || { echo "skipped: the fast path needs root"; exit 77; }
exec "${builddir:-.}/tests/differential/fastpath" "${SPID_SEED:-1}" "$dialogues"
