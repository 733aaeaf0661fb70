#!/usr/bin/env python3
"""The lab: TFTP transfers of a real client and a real server, with exactly one rule, both ways round."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, SERVER6, Lab, wait_until

BYTES = 1_000_000

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any udp 69{alg} as "tftp"
default deny log 100/s
"""

# Speaks TFTP by hand: asks, says at once to another program that it waits, and prints what comes first.
STRANGER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5000))
s.sendto(b"x", (sys.argv[2], int(sys.argv[3])))
"""
ASKS = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4000))
s.settimeout(float(sys.argv[3]))
s.sendto(sys.argv[2].encode().decode("unicode_escape").encode("latin1"), (sys.argv[1], 69))
open(sys.argv[4], "w").close()
try:
    print(s.recvfrom(1000)[1][1])
except TimeoutError:
    print("nothing")
"""


class Tftp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        cls.root = os.path.join(lab.folder, "tftp")
        os.makedirs(cls.root)
        shutil.chown(cls.root, "tftp")
        cls.bytes = os.urandom(BYTES)
        with open(os.path.join(cls.root, "file"), "wb") as file:
            file.write(cls.bytes)
        cls.server = lab.start("server", "in.tftpd", "-L", "-c", "-s", "-a", ":69", cls.root)
        wait_until(lambda: lab.run("server", "curl", "-s", "-m2", "tftp://127.0.0.1/file", "-o", "/dev/null").returncode == 0,
                   what="the TFTP server")
        cls.spid = lab.spid(RULES.format(alg=" alg tftp"))

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def curl(self, *words, seconds=40):
        return self.lab.run("client", "curl", "-sS", "-m", str(seconds), *words, timeout=seconds + 20)

    def tftp(self, address, *words):
        return self.lab.run("client", "tftp", "-m", "binary", address, "-c", *words, timeout=60)

    def test_both_ways_over_both_families(self):
        for address in (SERVER4, SERVER6):
            down, up = os.path.join(self.lab.folder, "down"), os.path.join(self.root, "up")
            done = self.tftp(address, "get", "file", down)
            self.assertEqual(done.returncode, 0, done.stderr + self.spid.log()[-2000:])
            with open(down, "rb") as file:
                self.assertEqual(file.read(), self.bytes)
            done = self.tftp(address, "put", down, "up")
            self.assertEqual(done.returncode, 0, done.stderr + self.spid.log()[-2000:])
            with open(up, "rb") as file:
                self.assertEqual(file.read(), self.bytes)
            os.remove(up)

    def test_without_alg_the_transfer_fails(self):
        self.spid.reload(RULES.format(alg=""))
        done = self.curl(f"tftp://{SERVER4}/file", "-o", "/dev/null", seconds=3)
        self.assertNotEqual(done.returncode, 0)
        self.spid.reload(RULES.format(alg=" alg tftp"))
        self.assertEqual(self.curl(f"tftp://{SERVER4}/file", "-o", "/dev/null").returncode, 0)

    def asked(self, request, meanwhile, seconds):
        """Asks by hand for what REQUEST says, lets MEANWHILE happen, and tells from which port the answer came."""
        mark = os.path.join(self.lab.folder, f"asked-{len(self.lab.processes)}")
        out = mark + ".out"
        with open(out, "w") as file:
            client = self.lab.start("client", sys.executable, "-c", ASKS, SERVER4, request, str(seconds), mark, stdout=file)
        wait_until(lambda: os.path.exists(mark), what="the request")
        meanwhile()
        client.wait(seconds + 10)
        with open(out) as file:
            return file.read().strip()

    def test_what_nobody_announced_is_refused_meanwhile(self):
        # The server is still while a stranger's port of the same host, and its own to another port, try.
        self.server.terminate()
        self.server.wait()

        def send(port):
            return lambda: self.lab.python("server", STRANGER, SERVER4, CLIENT4, str(port))
        try:
            self.assertEqual(self.asked(r"\0\1file\0octet", send(4000), 2), "nothing")
            self.assertEqual(self.asked(r"\0\1file\0octet\0", send(4001), 2), "nothing")
            self.assertEqual(self.asked(r"\0\1file\0octet\0", send(4000), 5), "5000")
        finally:
            type(self).server = self.lab.start("server", "in.tftpd", "-L", "-c", "-s", "-a", ":69", self.root)


if __name__ == "__main__":
    lab_module.main(Tftp)
