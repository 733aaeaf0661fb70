#!/bin/sh
# A day on the engine alone; without SPID_LAB_LONG only two hours of it.
hours=2
test -z "$SPID_LAB_LONG" || hours=24
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0
exec "${builddir:-.}/tests/soak/day" "$hours"
