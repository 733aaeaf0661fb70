#!/usr/bin/env python3
"""Runs every example of the manual pages and of README.

An example is a literal block, a display line (.Dl), or words in the running text (.Li) that begin like a statement:

  - rules pass `spid --check`; a whole block passes --strict. Names that an example uses and does not define are those
    of CONTEXT below. A block whose first line is `# NAME.rules` is that file for the commands of its page.
  - `$ COMMAND` is run, and gives exactly the lines below it, up to the next `$`; `...` stands for any lines.
    `$ cat FILE` of a file that is not there makes it.
  - `# COMMAND` needs root or the daemon, and is not run: spid and spidctl must know its options and words.

Whether this machine has the interfaces of an example is no matter: the warnings about that are left out.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

import manual

SPID = os.path.abspath(os.path.join(os.environ.get("builddir", "build"), "spid"))
SPIDCTL = os.path.join(os.path.dirname(SPID), "spidctl")

PAGES = ["man/spid.rules.5", "man/spid.8", "man/spidctl.8", "README"]

CONTEXT = {
    "wan": "zone wan = eth0",
    "lan": "zone lan = eth1 net 192.168.10.0/24, fd00:10::/64",
    "dmz": "zone dmz = eth2 net 192.168.20.0/24, fd00:20::/64",
    "A": "set A = 192.168.10.0/24",
    "B": "set B = 192.168.20.0/24",
    "abusers": "set abusers = dynamic",
}

STATEMENTS = ("include zone set service schedule timeout limit adaptive antispoof protect hook queue log no default test allow deny "
              "reject audit").split()

# What an example may be that is not ours to try.
OTHERS = re.compile(r"(sudo )?\./bootstrap |iptables |sysctl |systemd-sysusers |chgrp |# tail ")

failures = 0


def fail(block, message):
    global failures
    failures += 1
    print(f"{block.place}: {message}")


def display_lines(path):
    """Display lines, and the words of the running text that are whole statements."""
    section, depth = "", 0
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            line = line.rstrip("\n")
            depth += line.startswith(".Bd -literal") - (line == ".Ed")
            if line.startswith(".Sh "):
                section = line[4:]
            macro, _, text = line.partition(" ")
            if depth > 0 or macro not in (".Dl", ".Li") or (macro == ".Li" and not is_rules(text.split())):
                continue
            block = manual.Block(path, number, section, "")
            # A point or comma at a macro's end belongs to the sentence.
            block.lines = [manual.unescaped(re.sub(r" [.,;:)]$", "", text))]
            yield block


def readme_blocks(path):
    """What stands four blanks to the right; a numbered list is text."""
    block = None
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            line = line.rstrip("\n")
            if line.startswith("    "):
                block = block or manual.Block(path, number, "", "")
                block.lines.append(line[4:])
            elif line or block is None:
                if block is not None:
                    yield block
                block = None
            else:
                block.lines.append("")
    if block is not None:
        yield block


def is_rules(words):
    """Two words or more, the first of which begins a statement; a template in capitals is none."""
    return len(words) > 2 and words[0] in STATEMENTS and "..." not in words


def checked(text, folder):
    """The findings of a rules file, without those about this machine."""
    path = os.path.join(folder, "example.rules")
    with open(path, "w", encoding="utf-8") as rules:
        rules.write(text)
    out = subprocess.run([SPID, "--check", "--json", path], capture_output=True, text=True)
    return [found for found in json.loads(out.stdout)["findings"] if found["code"] != "interface"]


def run_rules(block, folder, whole):
    used = set(re.findall(r"[\w-]+", re.sub(r'"[^"]*"', "", block.text)))
    defined = set(re.findall(r"^\s*(?:zone|set) (\S+)", block.text, re.M))
    before = [line for name, line in CONTEXT.items() if name in used - defined]
    if "self" in used and "hook" not in used:
        before.append("hook forward, input, output")
    before = "".join(line + "\n" for line in before)
    for found in checked(before + block.text, folder):
        if whole or found["severity"] == "error":
            line = found["line"] - before.count("\n")
            fail(block, f"line {line}: {found['severity']}: {found['message']}")


def without_interfaces(text):
    """Leaves out the warnings about this machine's interfaces, also where they are counted."""
    text, count = re.subn(r"^.*: warning: the interface .*\n.*\n.*\n", "", text, flags=re.M)
    return re.sub(r"(\d+) warnings$", lambda found: f"{int(found[1]) - count} warnings", text, flags=re.M)


def run_commands(block, folder):
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.M)
    if parts[0].strip():
        fail(block, "text stands before the first '$'")
    for command, shown in zip(parts[1::2], parts[2::2]):
        wanted = shown.strip("\n")
        words = shlex.split(command)
        path = os.path.join(folder, words[-1])
        if words[0] == "cat" and not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as made:
                made.write(wanted + "\n")
            continue
        if words[0] not in ("spid", "spidctl", "cat"):
            fail(block, f"'{words[0]}' is not run by this test: write '#' before it, or put it into check-examples.py")
            continue
        environment = {**os.environ, "PATH": os.path.dirname(SPID) + ":" + os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        out = subprocess.run(command, shell=True, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        got = without_interfaces(out.stdout).strip("\n")
        pattern = ".*".join(map(re.escape, wanted.split("...")))
        if not re.fullmatch(pattern, got, re.S):
            fail(block, f"'{command}'\nshown:\n{wanted}\ngot (status {out.returncode}):\n{got}")


def known_words():
    """What the programs say they understand."""
    words = {}
    for name, program in ("spid", SPID), ("spidctl", SPIDCTL):
        text = subprocess.run([program, "--help"], capture_output=True, text=True).stdout
        words[name] = set(re.findall(r"(?<!\S|\w)--?[\w-]+", re.sub(r"[\[\],|]", " ", text)))
        words[name] |= set(re.findall(r"^  (\w+)  ", text, re.M))
    return words


def see_roots_commands(block, known):
    for line in block.lines:
        if not line.startswith("# "):
            continue
        words = shlex.split(re.sub(r"   .*", "", line[2:]))
        if words[0] not in known:
            continue
        for word in words[1:2] if words[0] == "spidctl" else []:
            if word not in known["spidctl"]:
                fail(block, f"spidctl does not know '{word}'")
        for word in words[1:]:
            if word.startswith("-") and word not in known[words[0]]:
                fail(block, f"{words[0]} does not know '{word}'")


def main():
    counts = dict.fromkeys(["rules", "commands", "of root"], 0)
    known = known_words()
    for page in PAGES:
        path = os.path.join(manual.SRCDIR, page)
        blocks = list(readme_blocks(path)) if page == "README" else list(manual.blocks(path)) + list(display_lines(path))
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "etc"))
            with open(os.path.join(manual.SRCDIR, "etc/spid.rules"), encoding="utf-8") as rules:
                with open(os.path.join(folder, "etc/spid.rules"), "w", encoding="utf-8") as copy:
                    copy.write(rules.read())
            for block in blocks:
                code = [line for line in block.lines if line and not line.startswith("#")]
                named = re.fullmatch(r"# (?:\S*/)?([\w-]+\.rules)", block.lines[0])
                if block.section == "GRAMMAR":
                    continue
                if any(line.startswith("$ ") for line in block.lines):
                    counts["commands"] += 1
                    run_commands(block, folder)
                elif code and is_rules(code[0].split()):
                    counts["rules"] += 1
                    run_rules(block, folder, len(block.lines) > 1)
                    if named:
                        with open(os.path.join(folder, named[1]), "w", encoding="utf-8") as rules:
                            rules.write(block.text)
                elif re.match(r"# (spid|spidctl) |# iptables ", block.lines[0]) or OTHERS.match(block.lines[0]):
                    counts["of root"] += 1
                    see_roots_commands(block, known)
                else:
                    fail(block, f"what kind of example is '{block.lines[0]}'? (see the head of check-examples.py)")
    print(", ".join(f"{count} {what}" for what, count in counts.items()) + f", {failures} failures")
    return 1 if failures or 0 in counts.values() else 0


sys.exit(main())
