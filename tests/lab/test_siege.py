#!/usr/bin/env python3
"""The lab: clients of the control socket that flood, stall and talk nonsense, all at once, as root and as nobody. Packets are judged all
the while, whoever behaves is answered, and the daemon needs no more than its bounds say."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
import misuse
from bystander import Bystander, serve
from lab import SERVER4, LabTest, wait_until

SECONDS = 60 if os.environ.get("SPID_LAB_LONG") else 6
CLIENTS = 32            # control_socket.h: CONTROL_CLIENTS_MAX
LINE_BYTES = 65536      # CONTROL_LINE_BYTES_MAX
# What waits for each who lists and does not read: CONTROL_LIST_BYTES, a part of the table above it, and room for as much again.
UNREAD_BYTES = 1 << 20

RULES = """zone lan = eth1
zone wan = eth0
allow lan to any tcp 80, tcp 7000 as "web"
allow any@lan to any udp 9
default deny log 10/s
"""


class Siege(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.mount_bpf()
        serve(cls.lab)

    def setUp(self):
        # In a folder that the daemon makes, and that is its own.
        path = os.path.join(self.lab.folder, "run", "spid.sock")
        self.spid = self.lab.spid(RULES, "-S", path)
        self.spid.socket = path
        self.addCleanup(self.spid.stop)
        self.bystander = Bystander(self.lab, self.id())
        self.stop = self.bystander.stop

    def unharmed(self):
        """Whoever goes through the gateway has not noticed anything. Ends everything that waits for the file."""
        self.assertEqual(self.bystander.end(), [])

    def abuse(self, kind, user):
        return misuse.start(self.lab, self.spid.socket, kind, user, self.stop)

    def resident(self):
        with open(f"/proc/{self.spid.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.spid.process.pid}/fd"))

    def sanitized(self):
        with open(os.path.join(self.lab.build, "spid"), "rb") as file:
            return b"__asan_init" in file.read()

    def fill_table(self):
        """Entries for lists to be long; they stay while this test runs."""
        attack = os.path.join(self.lab.build, "tests", "lab", "attack")
        link = json.loads(self.lab.run("gateway", "ip", "-j", "link", "show", "eth1").stdout)[0]["address"]
        self.lab.run("server", "ip", "route", "replace", "blackhole", "10.0.0.0/8", check=True)
        self.lab.run("client", attack, "lan0", link, "20000", "udp", "60000", SERVER4, "9", check=True, timeout=100)

    def test_all_at_once(self):
        self.fill_table()
        # The rules of reloads come and go; what the first ones need is no growth.
        for _ in range(5):
            self.assertEqual(self.spid.ctl("reload").returncode, 0)
        resident, descriptors = self.resident(), self.descriptors()
        abusers = [(kind, user, self.abuse(kind, user)) for kind, user in misuse.ALL]
        most_resident = most_descriptors = answered = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            # spidctl gives up by itself, or is refused a place by others like it: he tries again, as he is told to.
            wait_until(lambda: self.spid.ctl("status").returncode == 0, 20, "an answer to who behaves")
            answered += 1
            most_resident = max(most_resident, self.resident())
            most_descriptors = max(most_descriptors, self.descriptors())
            self.assertIsNone(self.spid.process.poll())
        self.unharmed()
        for kind, user, abuser in abusers:
            done = int(abuser.communicate(timeout=30)[0])
            print(f"{kind} ({'root' if user == 0 else 'nobody'}): {done}")
            self.assertGreater(done, 0, kind)
        print(f"answered {answered}; resident {resident >> 10} kB, at most {most_resident >> 10} kB; descriptors {descriptors}, "
              f"at most {most_descriptors}")
        self.assertGreater(answered, 0)
        self.assertLessEqual(most_descriptors, descriptors + CLIENTS + 8)
        if not self.sanitized():
            self.assertLess(most_resident - resident, CLIENTS * (LINE_BYTES + UNREAD_BYTES))
        # Nothing of them stays.
        wait_until(lambda: self.descriptors() <= descriptors, 20, "the end of all clients")

    def test_root_gets_in_where_nobody_holds_all_places(self):
        crowds = [self.abuse(kind, misuse.NOBODY) for kind in ("silence", "half lines", "silence", "silence", "silence", "crowd")]
        before = self.descriptors()
        wait_until(lambda: self.descriptors() >= before + CLIENTS - 8, 20, "a crowd")
        for _ in range(20):
            done = self.spid.ctl("status")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.unharmed()
        for crowd in crowds:
            crowd.wait(30)

    def test_who_shuts_one_direction_is_answered(self):
        code = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'{"command":"status"}\\n{"command":"states"}\\n{"command":"nonsense"}\\n')
s.shutdown(socket.SHUT_WR)
print(s.makefile().read(), end="")
"""
        answers = [json.loads(line) for line in self.lab.python("gateway", code, self.spid.socket).stdout.splitlines()]
        self.assertIn("table", answers[0])
        self.assertIn("connections", answers[-2])
        self.assertIn("unknown command", answers[-1]["error"])
        self.unharmed()

    def test_a_socket_file_that_goes_comes_back(self):
        os.unlink(self.spid.socket)
        self.spid.wait_for(f"control socket {self.spid.socket} was gone and has been made again")
        self.assertEqual(self.spid.ctl("status").returncode, 0)
        # Not in place of somebody else's, which also stays at the end.
        os.unlink(self.spid.socket)
        code = """
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(1000)
"""
        other = self.lab.start("gateway", sys.executable, "-c", code, self.spid.socket)
        self.spid.wait_for("another daemon has taken it")
        self.assertEqual(self.spid.log().count("another daemon"), 1)
        self.unharmed()
        self.assertEqual(self.spid.stop(), 0)
        self.assertTrue(os.path.exists(self.spid.socket))
        other.kill()
        other.wait()
        os.unlink(self.spid.socket)

    def test_out_of_descriptors(self):
        self.spid.limit(f"--nofile={self.descriptors()}:")
        client = self.lab.start("gateway", os.path.join(self.lab.build, "spidctl"), "-S", self.spid.socket, "status")
        self.spid.wait_for("clients cannot be accepted: Too many open files")
        before = len(self.spid.log())
        # What needs a descriptor itself is refused with words, and tried again.
        self.spid.reload(RULES + "#\n", expect="reload refused, the old rules stay")
        time.sleep(2.5)
        self.assertNotIn("cannot be accepted", self.spid.log()[before:])
        self.spid.limit("--nofile=1024:")
        self.assertEqual(client.wait(20), 0)
        self.spid.reload(RULES + "##\n")
        self.unharmed()


if __name__ == "__main__":
    lab_module.main(Siege)
