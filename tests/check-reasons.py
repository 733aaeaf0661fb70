#!/usr/bin/env python3
"""Holds the reasons in spid(8) against src/packet/reasons.def: the same ones, in their order, with the same words."""
import os
import re
import sys

import manual

REASON = re.compile(r'^REASON\(\w+, "([^"]+)", "([^"]+)"\)$', re.M)


def section(path, title):
    with open(path, encoding="utf-8") as page:
        found = re.search(rf"^\.Sh {title}\n(.*?)^\.Sh ", page.read(), re.M | re.S)
    return found[1] if found else ""


def main():
    with open(os.path.join(manual.SRCDIR, "src/packet/reasons.def"), encoding="utf-8") as definitions:
        wanted = REASON.findall(definitions.read())
    items = re.split(r"^\.It Li (\S+)\n", section(os.path.join(manual.SRCDIR, "man/spid.8"), "REASONS"), flags=re.M)[1:]
    said = [(name, " ".join(text.replace(".El", "").split())) for name, text in zip(items[::2], items[1::2])]
    faults = [f"reasons.def has {reason}" for reason in wanted if reason not in said]
    faults += [f"spid.8 has {reason}" for reason in said if reason not in wanted]
    if not faults and said != wanted:
        faults.append("the order differs")
    print("\n".join(faults) or f"{len(said)} reasons")
    return 1 if faults or not said else 0


sys.exit(main())
