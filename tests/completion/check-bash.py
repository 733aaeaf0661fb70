#!/usr/bin/env python3
"""Completes command lines of spid and spidctl in a real bash, as readline does: COMP_WORDS, COMP_CWORD, the function that
`complete` names. What is offered is exactly what `--help` says. Skips without bash."""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import usage

FOLDER = os.path.join(usage.SRCDIR, "completion/bash")
LOADER = "/usr/share/bash-completion/bash_completion"


def completed(words, folder):
    program = words[0]
    script = f"""
        source {shlex.quote(os.path.join(FOLDER, program))}
        set -- $(complete -p {program})
        [ "$2" = -F ] || exit 1
        COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}
        "$3" {program} {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": usage.BUILD + ":" + os.environ["PATH"]}
    run = subprocess.run(["bash", "--norc", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode != 0 or run.stderr:
        return {f"status {run.returncode}", run.stderr}
    return set(run.stdout.split("\n")) - {""}


def loaded(program, folder):
    """What Debian's bash-completion, asked for a program, finds in the folder of that name below a data folder."""
    os.makedirs(os.path.join(folder, "bash-completion"), exist_ok=True)
    place = os.path.join(folder, "bash-completion/completions")
    if not os.path.exists(place):
        os.symlink(FOLDER, place)
    script = f"source {LOADER}; _completion_loader {program}; complete -p {program}"
    environment = {**os.environ, "XDG_DATA_DIRS": folder, "HOME": folder}
    run = subprocess.run(["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True)
    return run.stdout.strip()


def assigned(words):
    """--option=word as readline gives it: '=' is a word of its own."""
    option, _, value = words[-1].partition("=")
    return words[:-1] + [option, "="] + ([value] if value else [])


def main():
    if shutil.which("bash") is None:
        print("skipped: bash is not installed (apt-get install bash)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        for name in usage.FILES:
            open(os.path.join(folder, name), "w").close()
        found = list(usage.failures(lambda words: completed(words, folder), short=False))
        for word, wanted in (("--checksums=", {"verify", "ignore"}), ("--config=off", {"office.rules"}), ("--hook=n", {"none"})):
            if (offered := completed(assigned(["spid", word]), folder)) != wanted:
                found.append(f"'spid {word}': offered {sorted(offered)}, expected {sorted(wanted)}")
        if os.path.exists(LOADER):
            found += [f"bash-completion finds '{line}' for {program}" for program in ("spid", "spidctl")
                      if (line := loaded(program, folder)) != f"complete -F _{program} {program}"]
        else:
            print("without bash-completion: whether it finds the files is not asked (apt-get install bash-completion)")
    print("\n".join(found) or "every line is completed as --help says")
    return 1 if found else 0


sys.exit(main())
