#!/bin/sh
# The engine's library calls no clock, no random number, no socket, no file, no output and no exit.
library=${1:-${builddir:-.}/libengine.a}
forbidden='^(clock_gettime|gettimeofday|time|times|localtime.*|rand.*|random|getrandom|getentropy|socket|send.*|recv.*|connect|bind|accept.*|open|open64|openat.*|opendir|fopen.*|f?read|f?write|f?close|v?f?printf|__v?f?printf_chk|puts|fputs|putchar|fputc|perror|syslog|exit|_exit|poll|select|epoll.*|sleep|usleep|nanosleep|getenv|system|fork|exec.*)$'
found=$("${NM:-nm}" -u "$library" | sed -n 's/^ *U //p' | sed 's/@.*//' | sort -u | grep -E "$forbidden")
if [ -n "$found" ]; then
    echo "the engine's library calls:" $found
    exit 1
fi
[ -s "$library" ] && echo "the engine's library has no input and no output"
