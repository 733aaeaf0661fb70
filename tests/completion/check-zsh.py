#!/usr/bin/env python3
"""Completes command lines of spid and spidctl in a real zsh at a terminal of its own, with its completion system. What compadd
is given is kept in a file; it must be exactly what `--help` says. Skips without zsh."""
import os
import pty
import select
import shutil
import sys
import tempfile
import threading
import time

import usage

FOLDER = os.path.join(usage.SRCDIR, "completion/zsh")
# A machine under load is slow; nothing waits so long where all is well.
PATIENCE = 120

# The words that match are asked of the real compadd (-A), and then really offered; nothing of it gets into the line. A call
# that itself asks for words (-O, -A, -D) is only let through.
START = """\
unsetopt zle_bracketed_paste prompt_cr prompt_sp beep
PS1= fpath=($FOLDER $fpath)
zmodload zsh/complete
autoload -Uz compinit && compinit -u -D
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-[OAD]\\ * ]]; then builtin compadd "$@"; return; fi
  local -a matching
  builtin compadd -A matching "$@"
  print -rl -- $matching >>$OFFERED
  builtin compadd "$@"
}
kept() { : >$OFFERED; _main_complete; print done >$OFFERED.done; compstate[insert]= compstate[list]= }
zle -C kept complete-word kept
bindkey '^I' kept
bindkey '^U' kill-whole-line
print ready >$OFFERED.done
"""


class Zsh:
    def __init__(self, folder, home):
        self.offered = os.path.join(home, "offered")
        script = os.path.join(home, "start")
        with open(script, "w") as file:
            file.write(START)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(PATH=usage.BUILD + ":" + os.environ["PATH"], TERM="dumb", HOME=home, LC_ALL="C.UTF-8", FOLDER=FOLDER,
                              OFFERED=self.offered)
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.shown = ""
        self.until_done(f"source {script}\n")

    def until_done(self, keys):
        os.write(self.fd, keys.encode())
        end, done = time.monotonic() + PATIENCE, self.offered + ".done"
        while not os.path.exists(done):
            if time.monotonic() > end:
                sys.exit(f"zsh does not answer to {keys!r}; it shows:\n{self.shown}")
            if select.select([self.fd], [], [], 0.02)[0]:
                self.shown += os.read(self.fd, 65536).decode(errors="replace")
        os.unlink(done)

    def completed(self, words):
        line = " ".join(word.replace(" ", "\\ ") for word in words)
        self.until_done("\x15" + line + "\t")
        with open(self.offered) as file:
            offered = {word.rstrip("=").replace("\\ ", " ") for word in file.read().splitlines()} - {""}
        # What stands before a comma is in the line already.
        return {words[-1][:words[-1].rfind(",") + 1] + word for word in offered}

    def close(self):
        os.write(self.fd, b"\x15exit\n")
        threading.Thread(target=self.drain, daemon=True).start()
        os.waitpid(self.pid, 0)

    def drain(self):
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass


def main():
    if shutil.which("zsh") is None:
        print("skipped: zsh is not installed (apt-get install zsh)")
        return 77
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        for name in usage.FILES:
            open(os.path.join(folder, name), "w").close()
        zsh = Zsh(folder, home)
        found = list(usage.failures(zsh.completed, short=True))
        for word, wanted in (("--checksums=", {"verify", "ignore"}), ("--hook=n", {"none"})):
            if (offered := zsh.completed(["spid", "-r", "old.pcap", word] if "sums" in word else ["spid", word])) != wanted:
                found.append(f"'spid {word}': offered {sorted(offered)}, expected {sorted(wanted)}")
        zsh.close()
    print("\n".join(found) or "every line is completed as --help says")
    return 1 if found else 0


sys.exit(main())
