#!/bin/sh
# The golden rules files, and the office gateway that is shipped.
"${builddir:-.}/tests/rules/golden" "${srcdir:-.}/tests/rules" &&
    "${builddir:-.}/spid" --check "${srcdir:-.}/etc/spid.rules" >/dev/null 2>&1
