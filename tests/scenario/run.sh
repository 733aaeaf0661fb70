#!/bin/sh
# All scenarios through the runner.
exec "${builddir:-.}/tests/scenario/run" --all "${srcdir:-.}"/tests/scenario/*.scenario
