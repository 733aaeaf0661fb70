#!/bin/sh
# The differential test: every capture, and dialogues from seeds; more of them under `make check-long`.
captures=${SPID_CAPTURES:-${srcdir:-.}/../shared/captures}
dialogues=300 datagrams=150
[ -n "${SPID_LAB_LONG:-}" ] && dialogues=20000 datagrams=4000
[ "$(id -u)" = 0 ] || { echo "skipped: the differential test needs root"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
if [ -d "$captures" ]; then
    find "$captures" -name '*.pcap' -o -name '*.pcapng' | sort >differential.files
else
    echo "the captures are not here: dialogues only"
    : >differential.files
fi
"${builddir:-.}/tests/differential/fragments" "${SPID_SEED:-1}" "$datagrams" || exit $?
# shellcheck disable=SC2046 # the names have no blanks
exec "${builddir:-.}/tests/differential/differential" "${SPID_SEED:-1}" "$dialogues" $(cat differential.files)
