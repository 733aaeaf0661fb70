#!/usr/bin/env python3
"""The lab: what the running daemon says of packets: its connections, its sets, its limits."""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, GATEWAY4, OUTSIDE4, SERVER4, Lab, wait_until

RULES = f"""
hook forward, input
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
set abusers = dynamic max 100 timeout 1h
set staff = 192.168.10.7, {CLIENT4}
deny abusers to any as "shut out"
allow staff@lan to any tcp 80 as "web" limit connections 2 per source
allow lan to any udp 7 limit new 2/m per source overload abusers as "echo"
allow lan to {OUTSIDE4} tcp 22 as "shell"
"""
WEB = f"{CLIENT4}@lan to {SERVER4}@wan tcp 80"


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        cls.folder = lab.web("server", 80, size=2_000_000)
        cls.spid = lab.spid(RULES)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def explain(self, words, status=0):
        done = self.spid.ctl("--json", "explain", words)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def test_a_connection_that_stands(self):
        answer = self.explain(WEB)
        self.assertEqual((answer["state"], answer["name"], answer["connection"]), ("new", "web", None))
        self.assertEqual(answer["path"][-1]["source_member"]["by"].rsplit("/", 1)[-1], "lab.rules:6")
        # Two slow downloads: the limit is full.
        slow = [self.lab.start("client", "curl", "-s", "--limit-rate", "20k", f"http://{SERVER4}/slow/file", "-o", "/dev/null")
                for _ in range(2)]
        wait_until(lambda: len([s for s in self.spid.ask("states") if s.get("state") == "established"]) == 2, what="two downloads")
        answer = self.explain(WEB)
        self.assertEqual((answer["state"], answer["verdict"]), ("established", "allow"))
        self.assertEqual(answer["connection"]["dport"], 80)
        self.assertIn("2 connections per source; now 2", answer["limits"])
        self.assertEqual(self.explain(WEB + " new")["state"], "new")
        # Asking takes no place and opens nothing.
        self.assertEqual(self.spid.ask("status")[0]["table"]["connections"], 2)
        text = self.spid.ctl("explain", WEB).stdout
        self.assertIn("in the table: tcp", text)
        self.assertIn("the source is in staff:", text)
        self.assertIn("limited to 2 connections per source; now 2", text)
        for process in slow:
            process.kill()
            process.wait()

    def test_who_entered_a_set(self):
        self.lab.udp_echo("server", 7)
        before = self.explain(f"{CLIENT4}@lan to {SERVER4}@wan udp 7")
        self.assertEqual(before["name"], "echo")
        for _ in range(4):
            self.lab.udp(SERVER4, 7, seconds=0.3)
        # A fresh source port each: the third new session in a minute is one too many.
        answer = wait_until(lambda: (lambda a: a if a["verdict"] == "deny" else None)(
            self.explain(f"{CLIENT4}@lan to {SERVER4}@wan udp 7 new")), what="the overload")
        self.assertEqual(answer["name"], "shut out")
        self.assertRegex(answer["path"][-1]["source_member"]["by"], r"entered by .*lab.rules:9, \d+ s ago, for \d+ s more")

    def test_the_gateway_itself(self):
        answer = self.explain(f"{CLIENT4}@lan to self tcp 22")
        self.assertEqual((answer["verdict"], answer["path"][-1]["failed"], answer["path"][-1]["got"]), ("deny", "destination", GATEWAY4))

    def test_nonsense_is_shown_its_place(self):
        done = self.spid.ctl("explain", f"{CLIENT4}@lan to {SERVER4}@wan tpc 80")
        self.assertEqual(done.returncode, 1)
        self.assertIn("unexpected 'tpc'", done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1].index("^") - 2, len(f"{CLIENT4}@lan to {SERVER4}@wan "))
        self.assertEqual(self.spid.ctl("explain").returncode, 2)
        several = self.spid.ctl("explain", f"{CLIENT4}@lan", "to", f"{SERVER4}@wan", "tcp", "80")
        one = self.spid.ctl("explain", f"{CLIENT4}@lan to {SERVER4}@wan tcp 80")
        self.assertEqual(*(re.sub(r"expires \d+s", "expires", done.stdout) for done in (several, one)))
        self.assertEqual(several.returncode, 0)


if __name__ == "__main__":
    lab_module.main(Explain)
