#!/usr/bin/env python3
"""The command line: wrong usage, files that are not there or not what they should be. Words and exit statuses, never a signal."""
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("builddir", "."))
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
OFFICE = os.path.join(SOURCE, "etc", "spid.rules")

folder = tempfile.TemporaryDirectory()
FOUND = os.path.join(SOURCE, "tests", "rules", "found", "")
EMPTY = os.path.join(folder.name, "empty")
open(EMPTY, "w").close()
BAD = os.path.join(folder.name, "bad.rules")
with open(BAD, "w") as file:
    file.write('allow nobody to any\ntest "x" 10.0.0.1 to 10.0.0.2 tcp 80 expect allow\n')
FAILING = os.path.join(folder.name, "failing.rules")
with open(FAILING, "w") as file:
    file.write('test "x" 10.0.0.1 to 10.0.0.2 tcp 80 expect allow\n')

# Program, arguments, exit status, words that must be said.
CASES = [
    ("spid", ["--version"], 0, "spid 0."),
    ("spid", ["--help"], 0, "usage:"),
    ("spid", ["--nonsense"], 2, "nonsense"),
    ("spid", ["-q", "x"], 2, "'x' is none"),
    ("spid", ["-q", "5-3"], 2, "queue number"),
    ("spid", ["-q", "99999"], 2, "queue number"),
    ("spid", ["-q", "0-400"], 2, "at most 64"),
    ("spid", ["-q"], 2, "requires an argument"),
    ("spid", ["-H", "forwad"], 2, "forwad"),
    ("spid", ["-H", ""], 2, "is none of them"),
    ("spid", ["--json"], 2, "--json goes with"),
    ("spid", ["--strict", "-r", EMPTY], 2, "--strict goes with"),
    ("spid", ["--self", "1.2.3.4"], 2, "go with --replay"),
    ("spid", ["-n", "-r", EMPTY], 2, "exclude each other"),
    ("spid", ["--explain", "x", "-c", EMPTY], 1, "unexpected 'x'"),
    ("spid", ["--diff", "a"], 2, "takes two files"),
    ("spid", ["--diff", OFFICE, OFFICE], 0, "equivalent"),
    ("spid", ["--diff", EMPTY, OFFICE], 3, "default -> "),
    ("spid", ["--diff", EMPTY, BAD], 1, "undefined zone or set 'nobody'"),
    ("spid", ["--diff", FOUND + "times.rules", FOUND + "self.rules"], 3,
     "'hook' differs: packets to the gateway are judged by " + FOUND + "self.rules only"),
    ("spid", ["--diff", FOUND + "times.rules", EMPTY], 3, 'at "mon 00:00"'),
    ("spid", ["--diff", EMPTY, FOUND + "moving.rules"], 3, "tcp 80 established"),
    ("spid", ["--check", FOUND + "states.rules"], 0, "fine: 6 rules"),
    ("spid", ["--check", "--strict", FOUND + "states.rules"], 1, "refused: 6 rules"),
    ("spid", ["--check", "--json", FOUND + "states.rules"], 0, '"mend":"allow A to B tcp 80"'),
    ("spid", ["--pickup"], 2, "go with --replay"),
    ("spid", ["extra"], 2, "'extra'"),
    ("spid", ["--check", OFFICE, OFFICE], 2, "one too many"),
    ("spid", ["--check", OFFICE], 0, "fine: 15 rules, 17 of 17 tests passed"),
    ("spid", ["--check", "--verbose", OFFICE], 0, "implicit nd"),
    ("spid", ["--check", EMPTY], 0, "fine: 0 rules"),
    ("spid", ["--check", BAD], 1, "undefined zone or set 'nobody'"),
    ("spid", ["--check", FAILING], 1, "expected allow, got deny by default"),
    ("spid", ["--check", "/nonexistent"], 1, "No such file"),
    ("spid", ["--check", "/"], 1, "Is a directory"),
    ("spid", ["--replay", EMPTY, "-c", OFFICE], 1, "cannot replay"),
    ("spid", ["--replay", "/nonexistent", "-c", OFFICE], 1, "cannot replay"),
    ("spid", ["--replay", "/", "-c", OFFICE], 1, "cannot replay"),
    ("spid", ["--replay", EMPTY, "-c", BAD], 1, "nobody"),
    ("spid", ["--replay", EMPTY, "-c", OFFICE, "--self", "1.2.3"], 2, "'1.2.3' is none"),
    ("spid", ["--replay", EMPTY, "-c", OFFICE, "--checksums", "maybe"], 2, "'maybe' is neither"),
    ("spid", ["-f", "-c", "/nonexistent"], 1, "cannot read the rules file"),
    ("spidctl", [], 2, "a command is missing"),
    ("spidctl", ["--help"], 0, "usage:"),
    ("spidctl", ["--version"], 0, "spidctl 0."),
    ("spidctl", ["nonsense"], 2, "unknown command"),
    ("spidctl", ["top"], 1, "spidctl --json top"),
    ("spidctl", ["rules", "lan to any"], 2, "no argument"),
    ("spidctl", ["kill"], 2, "takes a filter"),
    ("spidctl", ["explain"], 2, "takes a packet"),
    ("spidctl", ["explain", "x" * 3000], 2, "longer than"),
    ("spidctl", ["set"], 2, "'set' takes NAME list"),
    ("spidctl", ["set", "abusers", "add", "192.0.2.1", "until", "1h"], 2, "'set' takes NAME list"),
    ("spidctl", ["-S", "/nonexistent", "states", "lan to any"], 1, "is spid running?"),
    ("spidctl", ["drops", "-n", "x"], 2, "no number of packets"),
    ("spidctl", ["drops", "all"], 2, "but -n N"),
    ("spidctl", ["-n", "5", "reload"], 2, "goes with 'drops', not with 'reload'"),
    ("spidctl", ["drops", "--dry-run"], 2, "goes with 'reload', not with 'drops'"),
    ("spidctl", ["metrics", "xml"], 2, "'openmetrics'"),
    ("spidctl", ["-S", "/nonexistent", "status"], 1, "is spid running?"),
    ("spidctl", ["-S", "/" + "x" * 200, "status"], 1, "too long"),
]


def main():
    failed = 0
    for program, arguments, status, words in CASES:
        done = subprocess.run([os.path.join(BUILD, program), *arguments], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        if done.returncode != status or words not in done.stdout + done.stderr:
            failed += 1
            print(f"FAIL {program} {' '.join(arguments)[:100]}: {done.returncode}, {done.stdout + done.stderr}")
    for path, ok in ((OFFICE, True), (BAD, False), (FAILING, False)):
        done = subprocess.run([os.path.join(BUILD, "spid"), "--check", "--json", path], capture_output=True, text=True)
        answer = json.loads(done.stdout)
        if answer["ok"] != ok or (not ok and answer["findings"][0]["line"] != 1):
            failed += 1
            print(f"FAIL --check --json {path}: {answer}")
    print(f"{len(CASES) + 3} command lines, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
