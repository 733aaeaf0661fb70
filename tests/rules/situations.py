#!/usr/bin/env python3
"""What a first-time reader of spid.rules(5) would write, in five situations, with and without a mistake.

situations/NAME.rules are clean under `--check --strict`. In situations/NAME-mistake.rules the checker finds one thing: with
the code and at the line of the comment `# mistake: CODE`. Whether this machine has the interfaces is no matter: they are
read as patterns, of which nothing is said.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

FOLDER = os.path.join(os.environ.get("srcdir", "."), "tests/rules/situations")
SPID = os.path.join(os.environ.get("builddir", "build"), "spid")
SITUATIONS = ["asymmetric", "draining", "home-gateway", "office", "server"]


def with_patterns(text):
    """eth0 becomes eth0+ in the definitions of zones."""
    def patterns(found):
        return found[1] + re.sub(r"([\w.-]+)(?=\s*(,|$))", r"\1+", found[2])
    return re.sub(r"^(zone\s+\S+\s*=\s*)(.*?)(?=\s+(?:net|dhcp)\b|\s*#|\s*$)", patterns, text, flags=re.M)


def check(name, folder):
    """The text, the exit status of --strict, and what was found, as (code, line)."""
    with open(os.path.join(FOLDER, name), encoding="utf-8") as rules:
        text = rules.read()
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as copy:
        copy.write(with_patterns(text))
    out = subprocess.run([SPID, "--check", "--strict", "--json", path], capture_output=True, text=True)
    return text, out.returncode, [(found["code"], found["line"]) for found in json.loads(out.stdout)["findings"]]


def faults(folder):
    for situation in SITUATIONS:
        text, status, found = check(f"{situation}.rules", folder)
        if status != 0 or found:
            yield f"{situation}.rules: exit status {status}, found {found}"
        if not re.search(r"^test ", text, re.M):
            yield f"{situation}.rules: has no tests"
        text, status, found = check(f"{situation}-mistake.rules", folder)
        planted = [(line.partition("# mistake: ")[2], number)
                   for number, line in enumerate(text.splitlines(), 1) if "# mistake: " in line]
        if status != 1 or found != planted or len(planted) != 1:
            yield f"{situation}-mistake.rules: exit status {status}, planted {planted}, found {found}"
    there = {name for name in os.listdir(FOLDER) if name.endswith(".rules")}
    known = {f"{situation}{kind}.rules" for situation in SITUATIONS for kind in ("", "-mistake")}
    for name in sorted(there ^ known):
        yield f"{name}: stands only in {'the folder' if name in there else 'this test'}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        found = list(faults(folder))
    print("\n".join(found) or f"{len(SITUATIONS)} situations, with and without a mistake")
    return 1 if found else 0


sys.exit(main())
