#!/usr/bin/env python3
"""Loads rules files in a real Vim, without a terminal: they are known by name and by content, every word has the group of its
kind from its first to its last character, and :make jumps to what `spid --check` finds. Skips without a Vim that has syntax."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import language

RUNTIME = os.path.abspath(os.path.join(language.SRCDIR, "editors/vim"))
BUILD = os.path.abspath(os.environ.get("builddir", "build"))
OFFICE = "office.rules"

# The groups that a word of a kind may have; that of a reserved word and its group, check-words.py holds.
GROUPS = {
    "reserved": {"spidAction", "spidStatement", "spidOption", "spidState", "spidProtocol", "spidWord"},
    "context": {"spidContext"}, "number": {"spidNumber"}, "address": {"spidAddress"}, "string": {"spidString"},
    "comment": {"spidComment"}, "mark": {"spidMark", "spidContinued"}, "name": {""},
}
# The first of these words in the office's rules, by the group that each has.
OFFICE_WORDS = {
    "# An office": "spidComment", "hook": "spidStatement", "forward": "spidContext", "net": "spidWord",
    "192.168.10.0/24": "spidAddress", "2001:db8:0:10::/64": "spidAddress", "80,": "spidNumber", "tcp": "spidProtocol",
    "2%": "spidNumber", "deny ": "spidAction", '"abusers"': "spidString", "priority": "spidOption", "15/5s": "spidNumber",
    "web-server": "",
}

ASK = """\
let said = []
for [file, places] in items(json_decode(readfile({asked!r})[0]))
  execute 'edit' fnameescape(file)
  let groups = []
  for [line, column] in places
    call add(groups, synIDattr(synID(line, column, 1), 'name'))
  endfor
  call add(said, {{'file': file, 'type': &filetype, 'comment': &commentstring, 'groups': groups}})
endfor
execute 'edit' fnameescape({wrong!r})
silent make
call add(said, map(getqflist(), '[v:val.lnum, v:val.col, v:val.type]'))
call writefile([json_encode(said)], {out!r})
qall!
"""


def vim():
    path = shutil.which("vim")
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout if path else ""
    return path if "+syntax" in version and "+eval" in version else None


def ask(program, folder, asked, wrong):
    """What Vim says of the places in each file, and what :make finds in the file WRONG."""
    names = {name: os.path.join(folder, name) for name in ("asked", "out", "script.vim")}
    with open(names["asked"], "w") as file:
        file.write(json.dumps(asked))
    with open(names["script.vim"], "w") as file:
        file.write(ASK.format(asked=names["asked"], out=names["out"], wrong=wrong))
    environment = {**os.environ, "PATH": BUILD + ":" + os.environ["PATH"], "TERM": "dumb", "HOME": folder, "LC_ALL": "C.UTF-8"}
    run = subprocess.run([program, "-e", "-s", "-u", "NONE", "-i", "NONE", "-n", "-N", "--cmd", f"set runtimepath^={RUNTIME}",
                          "--cmd", "set encoding=utf-8", "-c", "filetype plugin on", "-c", "syntax on",
                          "-S", names["script.vim"]],
                         env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if not os.path.exists(names["out"]):
        sys.exit(f"vim wrote nothing (status {run.returncode}): {run.stdout}{run.stderr}")
    with open(names["out"]) as file:
        return json.load(file)


def places_of(text):
    """The first and the last character of each word, counted as Vim does: lines and bytes from 1."""
    lines = text.splitlines()
    for line, column, word, kind in language.words(text):
        for at in column, column + len(word) - 1:
            yield word, kind, line, len(lines[line - 1][:at].encode()) + 1


def faults(answer, text):
    name = os.path.basename(answer["file"])
    if (answer["type"], answer["comment"]) != ("spid", "# %s"):
        yield f"{name}: filetype '{answer['type']}', commentstring '{answer['comment']}'"
    groups = {}
    for (word, kind, line, column), group in zip(places_of(text), answer["groups"]):
        groups[line, column] = group
        if group not in GROUPS[kind]:
            yield f"{name}:{line}:{column}: {kind} '{word}': group '{group}'"
    for word, wanted in OFFICE_WORDS.items() if name == OFFICE else ():
        before = text[:text.index(word)]
        place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        if groups.get(place) != wanted:
            yield f"{name}:{place[0]}:{place[1]}: '{word}': group '{groups.get(place)}', not '{wanted}'"


def main():
    program = vim()
    if program is None:
        print("skipped: no vim with syntax is installed (apt-get install vim)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        texts = {os.path.abspath(os.path.join(language.SRCDIR, path)): language.read(path) for path in language.SITUATIONS}
        for name, text in (("spid.rules", language.SAMPLE), ("by-content.rules", "# no zone\nallow any to any tcp 80\n")):
            texts[os.path.join(folder, name)] = text
        others = os.path.join(folder, "70-disks.rules"), os.path.join(folder, "wrong.rules")
        texts[others[0]] = 'SUBSYSTEM=="block", ACTION=="add", GROUP="disk"\n'
        for path, text in texts.items():
            if path.startswith(folder):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
        with open(others[1], "w") as file:
            file.write("zone lan = eth1\nallow lan to any webb\n")
        asked = {path: [place[2:] for place in places_of(text)] for path, text in texts.items()}
        *answers, jumps = ask(program, folder, asked, others[1])
    failures = [fault for answer in answers if answer["file"] != others[0] for fault in faults(answer, texts[answer["file"]])]
    failures += [f"another's rules have filetype '{answer['type']}'" for answer in answers
                 if answer["file"] == others[0] and answer["type"] == "spid"]
    if len(answers) != len(texts):
        failures.append(f"vim answers for {len(answers)} of {len(texts)} files")
    if [2, 18, "e"] not in jumps:
        failures.append(f":make finds {jumps}, not the error in line 2, column 18")
    count = sum(len(answer["groups"]) for answer in answers)
    print("\n".join(failures[:40]) or f"{count} places in {len(texts)} files have their group")
    return 1 if failures else 0


sys.exit(main())
