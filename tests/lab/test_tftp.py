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
LARGE = 8  # so many times these

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any udp 69{alg} as "tftp"
default deny log 100/s
"""

# A datagram from port 5000 of the server's host.
STRANGER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5000))
s.sendto(b"x", (sys.argv[2], int(sys.argv[3])))
"""
# Speaks TFTP by hand: asks from port 4000, says with a file that it has, and tells which of its ports got something from
# which port.
ASKS = """
import select, socket, sys
ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for s, port in zip(ports, (4000, 4001)):
    s.bind(("", port))
ports[0].sendto(sys.argv[2].encode().decode("unicode_escape").encode("latin1"), (sys.argv[1], 69))
open(sys.argv[4], "w").close()
come = select.select(ports, [], [], float(sys.argv[3]))[0]
print(*(f"{s.getsockname()[1]} from {s.recvfrom(1000)[1][1]}" for s in come) if come else ["nothing"])
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
        with open(os.path.join(cls.root, "large"), "wb") as file:
            file.write(cls.bytes * LARGE)
        cls.server = cls.serve()
        probe = ("curl", "-s", "-m2", "tftp://127.0.0.1/file", "-o", "/dev/null")
        wait_until(lambda: lab.run("server", *probe).returncode == 0, what="the TFTP server")
        cls.spid = lab.spid(RULES.format(alg=" alg tftp"))

    @classmethod
    def serve(cls):
        return cls.lab.start("server", "in.tftpd", "-L", "-c", "-s", "-u", "tftp", "-a", ":69", cls.root)

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
        """Asks by hand for what REQUEST says, lets MEANWHILE happen, and tells what came."""
        mark = os.path.join(self.lab.folder, f"asked-{len(self.lab.processes)}")
        out = mark + ".out"
        with open(out, "w") as file:
            client = self.lab.start("client", sys.executable, "-c", ASKS, SERVER4, request, str(seconds), mark,
                                    stdout=file)
        wait_until(lambda: os.path.exists(mark), what="the request")
        meanwhile()
        client.wait(seconds + 10)
        with open(out) as file:
            return file.read().strip()

    def send(self, port):
        self.lab.python("server", STRANGER, SERVER4, CLIENT4, str(port))

    def test_only_an_answer_to_a_request_passes(self):
        # The server is still while another port of its host answers, or does not.
        self.server.terminate()
        self.server.wait()
        try:
            self.assertEqual(self.asked(r"\0\1file\0octet", lambda: self.send(4000), 2), "nothing")
            self.assertEqual(self.asked(r"\0\1file\0octet\0", lambda: self.send(4001), 2), "nothing")
            self.assertEqual(self.asked(r"\0\1file\0octet\0", lambda: self.send(4000), 5), "4000 from 5000")
        finally:
            type(self).server = self.serve()

    def test_a_stranger_is_refused_during_a_transfer(self):
        down = os.path.join(self.lab.folder, "beside")
        client = self.lab.start("client", "curl", "-sS", "-m", "60", f"tftp://{SERVER4}/large", "-o", down)
        child = wait_until(lambda: [state for state in self.spid.ask("states") if "parent" in state],
                           what="the transfer")[0]
        self.send(child["dport"])
        stranger = f" {SERVER4}:5000 > {CLIENT4}:{child['dport']} "
        line = next(line for line in self.spid.wait_for(stranger).splitlines() if stranger in line)
        self.assertIn("deny new default", line)
        self.assertIsNone(client.poll(), "the transfer was over before the stranger came")
        self.assertEqual(client.wait(60), 0)
        with open(down, "rb") as file:
            self.assertEqual(file.read(), self.bytes * LARGE)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    for tool in ("in.tftpd", "tftp"):
        if shutil.which(tool) is None:
            print(f"skipped: the TFTP lab needs {tool}")
            sys.exit(lab_module.SKIP)
    lab_module.main(Tftp)
