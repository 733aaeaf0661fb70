#!/usr/bin/env python3
"""The lab: reloads, and what they do to connections that run."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import SERVER4, SERVER6, LabTest

ZONES = "zone lan = eth1\nzone wan = eth0\n"
WEB = ZONES + "allow lan to any tcp 80 as \"web\"\n"
NOTHING = ZONES + "allow lan to any tcp 7\n"

# Talks to the web server over one connection: a request for each line of standard input, an answer's length or a word
# about the error for each.
TALKER = """
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], 80, timeout=2)
for line in sys.stdin:
    try:
        c.request("GET", "/")
        print(len(c.getresponse().read()), flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
"""


class Talker:
    """A client that keeps one connection open."""

    def __init__(self, lab, address):
        import subprocess
        self.process = subprocess.Popen(["ip", "netns", "exec", lab.names["client"], sys.executable, "-c", TALKER, address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Reload(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.spid = cls.lab.spid(WEB)

    def setUp(self):
        self.spid.reload(WEB)

    def test_a_broken_file_changes_nothing_and_the_log_says_where(self):
        said = self.spid.reload(ZONES + "allow lan to any tcp 80 establishd\n", expect="reload refused")
        self.assertIn("lab.rules:3:", said)
        self.assertIn("did you mean 'established'?", said)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        self.assertIn('"web"', self.spid.ctl("rules").stdout)
        done = self.spid.ctl("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("lab.rules:3:", done.stderr)

    def test_a_file_whose_own_test_fails_changes_nothing(self):
        self.spid.reload(NOTHING + 'test "web" 192.168.10.20@lan to 203.0.113.5@wan tcp 80 expect allow\n',
                         expect="reload refused")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_a_connection_whose_rule_is_gone_is_cut(self):
        for address in (SERVER4, SERVER6):
            talker = Talker(self.lab, address)
            self.assertEqual(talker.ask(), "18")
            self.spid.reload(NOTHING)
            self.assertEqual(talker.ask(), "TimeoutError")
            talker.close()
            self.spid.reload(WEB)

    def test_established_on_top_keeps_it(self):
        talker = Talker(self.lab, SERVER4)
        self.assertEqual(talker.ask(), "18")
        self.spid.reload(ZONES + "allow any to any established,related\n")
        self.assertEqual(talker.ask(), "18")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        talker.close()

    def test_draining_lets_those_finish_who_are_in(self):
        talker = Talker(self.lab, SERVER4)
        self.assertEqual(talker.ask(), "18")
        self.spid.reload(ZONES + "allow lan to any tcp 80 established,related\n")
        self.assertEqual(talker.ask(), "18")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        talker.close()

    def test_a_reload_opens_a_port_at_once(self):
        self.spid.reload(NOTHING)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        self.assertEqual(self.spid.ctl("reload").returncode, 0)
        self.spid.write(WEB)
        self.assertEqual(self.spid.ctl("reload").returncode, 0)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_packets_come_whole_only_where_somebody_reads_them(self):
        def copied():
            return [int(line.split()[4]) for line in self.lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue").stdout.splitlines()]

        spid = self.spid
        self.assertLess(max(copied()), 1500)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        spid.reload(WEB + "allow lan to any tcp 21 alg ftp\n")
        lab_module.wait_until(lambda: min(copied()) > 65000, what="whole packets")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_an_interface_that_comes_later_has_its_zone(self):
        self.spid.reload(ZONES + "zone dmz = eth9\nallow dmz to any\n")
        lab = self.lab
        lab._ip("link", "add", "late0", "netns", lab.names["client"], "type", "veth", "peer", "name", "eth9", "netns",
                lab.names["gateway"])
        for host, name, address in (("client", "late0", "198.51.100.2/24"), ("gateway", "eth9", "198.51.100.1/24")):
            lab._ip("-n", lab.names[host], "addr", "add", address, "dev", name)
            lab._ip("-n", lab.names[host], "link", "set", name, "up")
        lab._ip("-n", lab.names["client"], "route", "add", f"{SERVER4}/32", "via", "198.51.100.1", "src",
                "198.51.100.2")
        try:
            lab_module.wait_until(lambda: lab.get(f"http://{SERVER4}/", seconds=1)[0] == 0,
                                  what="the way through the new interface")
        finally:
            lab._ip("-n", lab.names["client"], "link", "del", "late0")


if __name__ == "__main__":
    lab_module.main(Reload)
