#!/bin/sh
# Prints a header with one number that stands for the layout of all that an estate holds (state/estate.h): a sum over the structs,
# unions, enums and numbers of the FILES, without comments and white space. So it changes with every member and every state that
# comes or goes, and with nothing else.
set -e
sum=$(awk '
function strip(line,    at, end) {
    if (inside) {
        end = index(line, "*/")
        if (end == 0) return ""
        inside = 0
        line = substr(line, end + 2)
    }
    while ((at = index(line, "/*")) > 0) {
        end = index(substr(line, at + 2), "*/")
        if (end == 0) {
            inside = 1
            return substr(line, 1, at - 1)
        }
        line = substr(line, 1, at - 1) " " substr(line, at + end + 3)
    }
    return line
}
{ line = strip($0); gsub(/[ \t]/, "", line) }
line == "" { next }
FILENAME ~ /\.def$/ || line ~ /^#define[A-Z_]+[^(]*[0-9]/ { print line; next }
$0 ~ /^(struct|union|enum) [a-z_0-9]+ \{/ { block = 1 }
block { print line }
line ~ /^}/ { block = 0 }
' "$@" | cksum)
echo "/* Made by src/state/layout.sh. */"
echo "#define STATE_LAYOUT ${sum%% *}u"
