#!/usr/bin/env python3
"""Holds every #include "room/..." below src/ against src/layers: includes point downward only.

With a folder as argument checks that source tree instead (the tests use it to see the check fail)."""
import os
import re
import sys


def rooms_allowed(path):
    allowed = {}
    with open(path) as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if line:
                room, _, below = line.partition(":")
                allowed[room.strip()] = set(below.split())
    return allowed


def violations(src):
    allowed = rooms_allowed(os.path.join(src, "layers"))
    for folder, _, names in os.walk(src):
        room = os.path.relpath(folder, src).split(os.sep)[0]
        for name in sorted(names):
            if room == "." or not name.endswith((".c", ".h", ".l", ".y", ".def")):
                continue
            path = os.path.join(folder, name)
            if room not in allowed:
                yield f"{path}: the room '{room}' is not in src/layers"
                continue
            with open(path) as lines:
                for number, line in enumerate(lines, 1):
                    found = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
                    if found and found[1] != room and found[1] not in allowed[room]:
                        yield f"{path}:{number}: {room} may not include {found[1]}"


if __name__ == "__main__":
    src = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ.get("srcdir", "."), "src")
    found = list(violations(src))
    print("\n".join(found) or "every include points downward")
    sys.exit(1 if found else 0)
