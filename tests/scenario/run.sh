#!/bin/sh
# All scenarios through the runner.
exec "${builddir:-.}/tests/scenario/run" "${srcdir:-.}"/tests/scenario/*.scenario
