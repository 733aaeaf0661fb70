#!/usr/bin/env python3
"""The lab: every tutorial of docs/, step by step as it stands there, with real clients and servers.

How a tutorial is written: the head of tests/tutorial.py. Each machine is a network namespace with a /run of its own;
they share a copy of /etc and a home folder. Commands run in /etc/spid, with spid and spidctl of this build first in the
path."""
import ipaddress
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import lab as lab_module
import tutorial
from lab import Lab
from tutorial import Fault

DOCS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs")
INDEX = "tutorials.md"
PATIENCE_SECONDS = 20

HOME = pwd.getpwuid(0).pw_dir

# Where commands run, and rules files are.
RULES_FOLDER = "/etc/spid"

# What only looks, and may look again.
LOOKS = re.compile(r"spidctl (-\S+ )*(status|states|rules|drops|explain|metrics|reload --dry-run|set \S+ list)\b")

SSH_CONFIG = "LogLevel ERROR\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"

# The machine's own view of the file system.
HOLDER = """
mount -t tmpfs tmpfs /run && mount --bind "$0/home" "$1" && mount --bind "$0/etc" /etc || exit
mount -t bpf bpf /sys/fs/bpf 2>/dev/null
echo ready && exec sleep 1000000
"""


class Town(Lab):
    """The machines of a tutorial."""

    def __init__(self, build, plan):
        self.plan = plan
        self.HOSTS = (*plan.names, "switch")
        super().__init__(build)

    def _make(self):
        for name in self.names.values():
            self._ip("netns", "add", name)
            self._ip("-n", name, "link", "set", "lo", "up")
        networks = {}
        for machine, interface, addresses in self.plan.interfaces:
            addresses = [ipaddress.ip_interface(address) for address in addresses]
            networks.setdefault(addresses[0].network, []).append((machine, interface, addresses))
        for number, members in enumerate(networks.values()):
            self._connect(f"net{number}", members)
        for machine, prefix, way in self.plan.routes:
            self._ip("-n", self.names[machine], "route", "add", prefix, "via", way)
        self._homes()
        for machine, service, *ports in self.plan.services:
            {"http": self.web, "ssh": self.ssh}[service](machine, *ports)

    def _connect(self, network, members):
        """Interfaces on one switch; who has 1 at the end of an address is the others' way out."""
        switch = self.names["switch"]
        self._ip("-n", switch, "link", "add", network, "type", "bridge", "mcast_snooping", "0")
        self._ip("-n", switch, "link", "set", network, "up")
        for number, (machine, interface, addresses) in enumerate(members):
            name, port = self.names[machine], f"{network}-{number}"
            self._ip("link", "add", interface, "netns", name, "type", "veth", "peer", "name", port, "netns", switch)
            self._ip("-n", switch, "link", "set", port, "master", network, "up")
            for address in addresses:
                self._ip("-n", name, "addr", "add", str(address), "dev", interface, *["nodad"] * (address.version == 6))
            self._ip("-n", name, "link", "set", interface, "up")
        for machine, _, addresses in members:
            for address in addresses:
                way = address.network[1]
                if address.ip != way and any(way == other.ip for member in members for other in member[2]):
                    self._ip("-n", self.names[machine], "route", "add", "default", "via", str(way))
        for machine in {machine for machine, *_ in members}:
            self.run(machine, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", check=True)

    def _homes(self):
        """A view of the file system for each machine, and a key that opens every door."""
        secrets = os.path.join(self.folder, "home", ".ssh")
        os.makedirs(secrets, 0o700)
        os.chmod(os.path.dirname(secrets), 0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{secrets}/id_ed25519"], check=True)
        os.link(f"{secrets}/id_ed25519.pub", f"{secrets}/authorized_keys")
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", f"{self.folder}/host-key"], check=True,
                       capture_output=True)
        with open(f"{secrets}/config", "w") as file:
            file.write(SSH_CONFIG)
        shutil.copytree("/etc", f"{self.folder}/etc", symlinks=True)
        os.makedirs(self.folder + RULES_FOLDER, exist_ok=True)
        for name, lines in (("passwd", "spid:x:47110:47110::/nonexistent:/usr/sbin/nologin\n"),
                            ("group", "spid:x:47110:\nspid-admin:x:47111:\n")):
            with open(f"/etc/{name}") as present, open(f"{self.folder}/etc/{name}", "w") as file:
                file.writelines(line for line in present if not line.startswith("spid"))
                file.write(lines)
        for machine in self.plan.names:
            view = ["unshare", "--mount", "--propagation", "private", "sh", "-c", HOLDER, self.folder, HOME]
            holder = subprocess.Popen([*self.entries[machine], *view], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
            self.processes.append(holder)
            if holder.stdout.readline() != b"ready\n":
                raise unittest.SkipTest("mounting is refused here")
            self.entries[machine] = ["nsenter", "--target", str(holder.pid), "--mount", "--net"]

    def mount_bpf(self):
        """Each machine has one already, where it can be had."""

    def ssh(self, machine):
        self.start(machine, "dropbear", "-F", "-s", "-r", f"{self.folder}/host-key", "-P", "/run/dropbear.pid")
        lab_module.wait_until(lambda: self.run(machine, "ssh", "root@127.0.0.1", "true").returncode == 0,
                              PATIENCE_SECONDS, "the shell")

    def shell(self, machine, words, become=""):
        """A tutorial's command line, as arguments for Popen; with `exec`, the process becomes the program."""
        path = f"{self.build}:{os.environ['PATH']}"
        line = ["sh", "-c", 'cd "$1" && eval "$2"', "sh", RULES_FOLDER, f"{become} {words}"]
        return {"args": [*self.entries[machine], *line],
                "env": {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "HOME": HOME}}


class Terminal:
    """A further terminal: one program at a time, which runs on."""

    def __init__(self, town, path):
        self.town, self.path, self.process, self.read = town, path, None, 0

    def begin(self, command):
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(**self.town.shell(command.machine, command.words, "exec"), stdout=out,
                                            stdin=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.town.processes.append(self.process)
        self.read = 0

    def running(self):
        return self.process is not None and self.process.poll() is None

    def type(self, words):
        self.process.stdin.write(words.encode() + b"\n")
        self.process.stdin.flush()

    def said(self):
        with open(self.path, encoding="utf-8", errors="replace") as out:
            return out.read()

    def expect(self, line, number):
        """Waits for a line, behind those that were expected before."""
        wanted = tutorial.pattern([line])

        def found():
            ended = not self.running()
            text = self.said()
            for match in re.finditer(r".*\n", text[self.read:]):
                if wanted.fullmatch(tutorial.squeezed(match[0])):
                    self.read += match.end()
                    return True
            if ended:
                raise Fault(f"line {number}: the program has ended and did not say:\n{line}\nbut:\n{text}")
            return False
        try:
            lab_module.wait_until(found, PATIENCE_SECONDS)
        except TimeoutError:
            raise Fault(f"line {number}: shown:\n{line}\nsaid behind what was expected before:\n"
                        f"{self.said()[self.read:]}") from None


class Reading:
    """A tutorial that is followed."""

    def __init__(self, town, steps):
        self.town, self.steps, self.terminals = town, steps, {}

    def follow(self):
        for block in self.steps:
            {"machines": lambda _: None, "rules": self.write, "console": self.console}[block.kind](block)
        for name, terminal in self.terminals.items():
            if terminal.running():
                raise Fault(f"what runs in the terminal '{name}' is never ended")

    def write(self, block):
        name, *more = block.words
        path = f"{self.town.folder}{RULES_FOLDER}/{name}"
        with open(path, "a" if more == ["more"] else "w", encoding="utf-8") as file:
            file.write(block.text)

    def console(self, block):
        before, commands = block.commands()
        for command in commands:
            if command.machine not in self.town.plan.names:
                raise Fault(f"line {command.line}: there is no machine '{command.machine}'")
        if block.words:
            self.further(block, before, commands)
            return
        if before:
            raise Fault(f"line {block.line}: text stands before the first command")
        for command in commands:
            self.run(command)

    def run(self, command):
        wanted = tutorial.pattern(command.said)
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = subprocess.run(**self.town.shell(command.machine, command.words), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            got = tutorial.squeezed(done.stdout)
            if wanted.fullmatch(got) and (command.shows() or done.returncode == 0):
                return
            if not LOOKS.match(command.words) or time.monotonic() > end:
                shown = "\n".join(command.said)
                raise Fault(f"line {command.line}: {command.words}\nshown:\n{shown}\n"
                            f"got (status {done.returncode}):\n{done.stdout}")
            time.sleep(0.1)

    def further(self, block, before, commands):
        name = block.words[0]
        path = os.path.join(self.town.folder, f"terminal-{name}")
        terminal = self.terminals.setdefault(name, Terminal(self.town, path))
        self.expect(terminal, before, block.line + 1)
        for command in commands:
            if not terminal.running():
                terminal.begin(command)
            else:
                terminal.type(command.words)
                if command.words == "exit":
                    terminal.process.wait(PATIENCE_SECONDS)
            self.expect(terminal, command.said, command.line + 1)

    def expect(self, terminal, lines, first):
        for number, line in enumerate(lines, first):
            if line == "^C":
                os.killpg(terminal.process.pid, signal.SIGINT)
                terminal.process.wait(PATIENCE_SECONDS)
            elif line.strip() not in ("", "..."):
                terminal.expect(line, number)


class Tutorials(unittest.TestCase):
    def follow(self, name):
        path = os.path.join(DOCS, name)
        try:
            steps = tutorial.blocks(path)
            town = Town(os.environ.get("builddir", "."), tutorial.Machines(steps[0]))
            self.addCleanup(town.close)
            Reading(town, steps).follow()
        except Fault as fault:
            raise self.failureException(f"docs/{name}, {fault}") from None
        for machine in town.plan.names:
            for family in ("iptables", "ip6tables"):
                self.assertNotIn("spid", town.run(machine, f"{family}-save").stdout, "at the tutorial's end")


    def test_the_index_and_the_makefile_name_each(self):
        for place in (os.path.join(DOCS, INDEX), os.path.join(os.path.dirname(DOCS), "Makefile.am")):
            with open(place, encoding="utf-8") as text:
                words = text.read()
            for name in tutorials():
                self.assertIn(name, words, place)


def tutorials():
    return sorted(name for name in os.listdir(DOCS) if name.endswith(".md") and name != INDEX)


def add_tests():
    for name in tutorials():
        noun = re.sub(r"\W", "_", name[:-len(".md")])
        setattr(Tutorials, f"test_{noun}", lambda self, name=name: self.follow(name))


if __name__ == "__main__":
    lab_module.TOOLS += ["dropbear", "dropbearkey", "ssh", "ssh-keygen", "unshare", "nsenter"]
    add_tests()
    lab_module.main(Tutorials)
