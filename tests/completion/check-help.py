#!/usr/bin/env python3
"""spidctl's help: each command that --help names explains itself, in both ways of asking, with the options that stand below it;
a misspelt command is told which one may be meant."""
import os
import subprocess
import sys

import usage

PROGRAM = os.path.join(usage.BUILD, "spidctl")
# What somebody types, and what he is asked whether he means it; None: nothing looks like it.
MISSPELT = {"statsu": "status", "state": "states", "stauts": "status", "rule": "rules", "relaod": "reload", "conf": "confirm",
            "kil": "kill", "explian": "explain", "tpo": "top", "metric": "metrics", "xyzzy": None, "frobnicate": None, "": None,
            "a" * 5000: None}


def run(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True)


def failures():
    known = usage.Usage("spidctl")
    for command in sorted(known.commands):
        done = run(command, "--help")
        if (done.returncode, done.stderr) != (0, "") or not done.stdout.startswith(f"usage: spidctl [-S SOCKET] [--json] {command}"):
            yield f"'{command} --help' says {done}"
        if run("help", command).stdout != done.stdout or run("--help", command).stdout != done.stdout:
            yield f"'help {command}' and '{command} --help' differ"
        yield from (f"'{command} --help' says nothing of {option}" for option in known.below[command] if option not in done.stdout)
        yield from (f"'{command} --help' has a line of {len(line)}" for line in done.stdout.splitlines() if len(line) > 120)
    if run("help").stdout != known.text:
        yield "'help' says something else than --help"
    for word, meant in MISSPELT.items():
        for words in [word], ["help", word]:
            done = run(*words)
            asked = f"did you mean '{meant}'?" in done.stderr if meant else "did you mean" not in done.stderr
            if done.returncode != 2 or "unknown command" not in done.stderr or not asked:
                yield f"{' '.join(words)[:40]}: {done.returncode}, {done.stderr[:200]}"
    for words, what in (["-n", "5", "states"], "'--number' goes with 'drops'"), (["--dry-run", "rules"], "'--dry-run' goes with 'reload'"), \
            (["status", "all"], "takes no argument"), ([], "a command is missing"), (["kill"], "takes a filter"):
        done = run(*words)
        if done.returncode != 2 or what not in done.stderr:
            yield f"{words}: {done.returncode}, {done.stderr}"


found = list(failures())
print("\n".join(found) or "every command explains itself")
sys.exit(1 if found else 0)
