#!/usr/bin/env python3
"""The lab: what spidctl lists, cuts and enters on a running daemon."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CHANGERS, CLIENT4, READERS, SERVER4, SERVER6, LabTest

RULES = """zone lan = eth1
zone wan = eth0
set hosts = 203.0.113.0/28
set abusers = dynamic max 4 timeout 1h
set names = dns "example.net"
deny lan to abusers
allow lan to any tcp 80, udp 5300, icmp 8, icmp6 128
"""

# A connection to the web server that stays, and then says whether it still is one.
HOLD = """
import socket, sys
s = socket.create_connection((sys.argv[1], 80), 5)
s.settimeout(2)
print("open", flush=True)
sys.stdin.readline()
s.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
try:
    print("alive" if s.recv(100) else "closed", flush=True)
except OSError as e:
    print(type(e).__name__, flush=True)
"""


class Control(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.udp_echo("server", 5300)
        cls.spid = cls.lab.spid(RULES)

    def hold(self, address):
        process = subprocess.Popen(["ip", "netns", "exec", self.lab.names["client"], sys.executable, "-c", HOLD, address],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        self.addCleanup(process.communicate)
        self.assertEqual(process.stdout.readline().strip(), "open")
        return process

    def ask(self, process):
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def states(self, *words):
        return [line for line in self.spid.ctl("states", *words).stdout.splitlines() if " > " in line]

    def test_states_of_a_filter(self):
        self.hold(SERVER4)
        self.hold(SERVER6)
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        self.assertEqual(len(self.states("lan", "to", "hosts", "udp", "5300")), 1)
        web = self.states(f"{CLIENT4}@lan to any tcp 80")
        self.assertTrue(web and all(f"> {SERVER4} port 80" in line for line in web), web)
        self.assertEqual(self.states("wan to any"), [])
        self.assertEqual(self.states("lan to abusers"), [])
        self.assertTrue(any(f"> {SERVER6} port 80" in line for line in self.states()))

    def test_a_filter_that_nobody_can_read(self):
        for words, what in (("lan to dzm tcp 80", "  lan to dzm tcp 80\n         ^"), ("lan", "ends too early"),
                            ("lan to any tcp 80 log", "unexpected 'log'"), ("", "ends too early"),
                            ("lan to any\nallow any to any", "lan to any tcp 22")):
            for command in "states", "kill":
                done = self.spid.ctl(command, words)
                self.assertEqual(done.returncode, 1, words)
                self.assertIn(what, done.stderr)

    def test_kill_cuts_what_the_filter_names_and_nothing_else(self):
        cut, kept = self.hold(SERVER4), self.hold(SERVER6)
        done = self.spid.ctl("kill", "lan to 203.0.113.5 tcp 80")
        self.assertRegex(done.stdout, r"^[1-9]\d* connections cut\n$")
        self.assertTrue(all("(cut)" in line for line in self.states("lan to 203.0.113.5 tcp 80")))
        self.assertEqual(self.ask(cut), "TimeoutError")
        self.assertEqual(self.ask(kept), "alive")
        self.assertEqual(self.spid.ctl("kill", "lan to 203.0.113.5 tcp 80").stdout, "0 connections cut\n")

    def test_members_come_and_go_by_hand(self):
        self.assertEqual(self.spid.ctl("set", "abusers", "add", SERVER4, "for", "1h").returncode, 0)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        self.assertRegex(self.spid.ctl("set", "abusers", "list").stdout,
                         rf"{SERVER4} +since \ds, leaves in 3[56]\d\ds, by hand\n1 of 4 members\n")
        self.assertEqual(self.spid.ctl("set", "abusers", "delete", SERVER4).returncode, 0)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_members_that_cannot_be(self):
        for words, what in ((("hosts", "list"), "no dynamic set is called 'hosts'"), (("names", "list"), "no dynamic set"),
                            (("abusers", "add", "10.0.0"), "no address"), (("abusers", "add", "::1", "for", "long"), "no duration"),
                            (("abusers", "delete", "192.0.2.1"), "is not in the set")):
            done = self.spid.ctl("set", *words)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn(what, done.stderr)
        for number in range(4):
            self.assertEqual(self.spid.ctl("set", "abusers", "add", f"192.0.2.{number}").returncode, 0)
        self.assertIn("is full: it holds 4", self.spid.ctl("set", "abusers", "add", "192.0.2.9").stderr)
        for number in range(4):
            self.assertEqual(self.spid.ctl("set", "abusers", "delete", f"192.0.2.{number}").returncode, 0)

    def test_who_may_only_read(self):
        """Members of the group spid list; they cut and enter nothing."""
        code = """
import json, os, socket, sys
os.setgroups([int(sys.argv[3])]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rw")
for request in json.loads(sys.argv[2]):
    f.write(json.dumps(request) + "\\n"); f.flush()
    while "ok" not in (answer := json.loads(f.readline())):
        pass
    print(answer["ok"], answer.get("error", ""))
"""
        requests = [{"command": "states", "filter": "lan to any"}, {"command": "set-list", "set": "abusers"},
                    {"command": "kill", "filter": "any to any"}, {"command": "set-add", "set": "abusers", "address": "::1"}]
        for group, allowed in (READERS, ["True", "True", "False", "False"]), (CHANGERS, ["True"] * 4), (65534, ["False"] * 4):
            out = self.lab.python("gateway", code, self.spid.socket, json.dumps(requests), str(group)).stdout.splitlines()
            self.assertEqual([line.split()[0] for line in out], allowed, out)
            if group == READERS:
                self.assertIn("spid-admin", out[2])
        self.assertEqual(self.spid.ctl("set", "abusers", "delete", "::1").returncode, 0)


if __name__ == "__main__":
    lab_module.main(Control)
