#!/bin/sh
# The golden rules files, the office gateway that is shipped, and what `spid --check` finds in rules that are well written
# and not well meant: found/NAME.rules against found/NAME.expected; what it says of failures, failing/NAME.rules likewise. And what it explains: each line of explained/NAME.packets by
# explained/NAME.rules against explained/NAME.expected. With --write as its argument it writes those.
spid=$(cd "${builddir:-.}" && pwd)/spid
golden=$(cd "${builddir:-.}" && pwd)/tests/rules/golden
cd "${srcdir:-.}/tests/rules" || exit 1
failures=0
"$golden" . || failures=1
"$spid" --check ../../etc/spid.rules >/dev/null 2>&1 || failures=1
# What happens at failures is told of most rules in the same words.
found() {
    "$spid" --check "$1" 2>&1 | sed '/^no daemon runs /,/^SIGINT, /d'
}
failing() {
    "$spid" --check "$1" 2>&1
}
for folder in found failing; do
    cd $folder || exit 1
    for rules in *.rules; do
        expected=${rules%.rules}.expected
        [ "$1" = --write ] && $folder "$rules" >"$expected"
        $folder "$rules" | diff -u "$expected" - || failures=1
    done
    cd ..
done
cd explained || exit 1
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
