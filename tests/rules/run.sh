#!/bin/sh
# The golden rules files, the office gateway that is shipped, and what `spid --check` finds in rules that are well written
# and not well meant: found/NAME.rules against found/NAME.expected. And what it explains: each line of explained/NAME.packets by
# explained/NAME.rules against explained/NAME.expected. With --write as its argument it writes those.
spid=$(cd "${builddir:-.}" && pwd)/spid
golden=$(cd "${builddir:-.}" && pwd)/tests/rules/golden
cd "${srcdir:-.}/tests/rules" || exit 1
failures=0
"$golden" . || failures=1
"$spid" --check ../../etc/spid.rules >/dev/null 2>&1 || failures=1
cd found || exit 1
for rules in *.rules; do
    expected=${rules%.rules}.expected
    [ "$1" = --write ] && "$spid" --check "$rules" >"$expected" 2>&1
    "$spid" --check "$rules" 2>&1 | diff -u "$expected" - || failures=1
done
cd ../explained || exit 1
for rules in *.rules; do
    name=${rules%.rules}
    explain() {
        while read -r packet; do
            echo "\$ $packet"
            "$spid" --explain "$packet" -c "$rules" 2>&1
        done <"$name.packets"
    }
    [ "$1" = --write ] && explain >"$name.expected"
    explain | diff -u "$name.expected" - || failures=1
done
exit $failures
