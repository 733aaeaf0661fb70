#!/bin/sh
# The parser over the golden rules files, what they include, and what ever crashed it.
set -- "${srcdir:-.}/tests/rules/ok" "${srcdir:-.}/tests/rules/bad" "${srcdir:-.}/etc/spid.rules"
[ -d "${srcdir:-.}/tests/bogons/parser" ] && set -- "$@" "${srcdir:-.}/tests/bogons/parser"
exec "${builddir:-.}/tests/fuzz/fuzz_parser" "$@"
