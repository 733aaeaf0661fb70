#!/bin/sh
# The checks on the house see what they are there to see.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tests=${srcdir:-.}/tests

mkdir -p "$work/src/base" "$work/src/state" "$work/src/rules"
printf 'base:\nrules: base\nstate: base\n' >"$work/src/layers"
echo '#include "base/text.h"' >"$work/src/state/good.c"
python3 "$tests/check-layers.py" "$work/src" >/dev/null || { echo "a good tree is refused"; exit 1; }
echo '#include "state/table.h"' >"$work/src/base/bad.h"
python3 "$tests/check-layers.py" "$work/src" >/dev/null && { echo "an include that points upward is not seen"; exit 1; }
rm "$work/src/base/bad.h"
echo '#include "rules/ruleset.h"' >"$work/src/state/bad.c"
python3 "$tests/check-layers.py" "$work/src" >/dev/null && { echo "an include of a sibling is not seen"; exit 1; }

for call in 'time(0)' 'printf("x")' 'exit(1)' 'socket(1, 1, 1)' 'fopen("x", "r") != 0'; do
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n#include <sys/socket.h>\nint f(void);\nint f(void) { return (int)(long)%s; }\n' \
        "$call" | sed 's/return (int)(long)exit(1);/exit(1);/' >"$work/bad.c"
    ${CC:-cc} -w -c "$work/bad.c" -o "$work/bad.o" || exit 1
    rm -f "$work/bad.a"
    ar rc "$work/bad.a" "$work/bad.o" || exit 1
    sh "$tests/check-symbols.sh" "$work/bad.a" >/dev/null && { echo "a call of $call is not seen"; exit 1; }
done
echo "the checks see what they are there to see"
