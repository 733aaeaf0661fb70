#!/usr/bin/env python3
"""The lab: attacks on the real daemon, each beside an honest client who must not notice."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, LabTest, wait_until

LONG = bool(os.environ.get("SPID_LAB_LONG"))
CONNECTIONS = 20000
LIMITED = "192.168.10.66"
RULES = f"""
zone lan = eth1
zone wan = eth0
set abusers = dynamic max 100 timeout 1h
limit connections {CONNECTIONS}
deny abusers to any
allow {LIMITED} to any tcp 80 as "limited" limit connections 50 per source
allow 192.168.10.67 to any tcp 80 as "overloading" limit connections 20 per source overload abusers flush
allow any@lan to any tcp 80,7000, udp 5300
"""

# One connection that speaks all the time, and new ones all the time. Ends when the file STOP appears.
BYSTANDER = """
import json, os, socket, sys, time
server, port_file, stop = sys.argv[1:4]
result = {"exchanges": 0, "opened": 0, "errors": []}
lasting = socket.create_connection((server, 7000), timeout=10)
with open(port_file + ".new", "w") as file:
    file.write(str(lasting.getsockname()[1]))
os.rename(port_file + ".new", port_file)
while not os.path.exists(stop) and len(result["errors"]) < 5:
    try:
        lasting.sendall(b"x" * 100)
        left = 100
        while left > 0:
            got = lasting.recv(left)
            if not got:
                raise OSError("the lasting connection was closed")
            left -= len(got)
        result["exchanges"] += 1
        if result["exchanges"] % 5 == 0:
            with socket.create_connection((server, 80), timeout=10) as short:
                short.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                if b"hello" not in short.recv(4096):
                    raise OSError("no page")
            result["opened"] += 1
    except OSError as error:
        result["errors"].append(repr(error))
    time.sleep(0.01)
print(json.dumps(result))
"""

ECHO = """
import socket, sys, threading
def serve(s):
    while True:
        data = s.recv(65536)
        if not data:
            return
        s.sendall(data)
listening = socket.create_server(("0.0.0.0", 7000), backlog=128)
while True:
    s, _ = listening.accept()
    threading.Thread(target=serve, args=(s,), daemon=True).start()
"""

# So many connections from one address, all at once; prints how many could be opened and speak.
OPENER = """
import socket, sys
source, server, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held, served = [], 0
for _ in range(count):
    s = socket.socket()
    s.settimeout(0.5)
    s.bind((source, 0))
    try:
        s.connect((server, 80))
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        served += b"hello" in s.recv(4096)
        held.append(s)
    except OSError:
        pass
print(served)
"""


class Attacks(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.attack_program = os.path.join(cls.lab.build, "tests", "lab", "attack")
        cls.lab.web("server", 80)
        cls.lab.udp_echo("server", 5300)
        cls.lab.start("server", sys.executable, "-c", ECHO)
        # Answers to those who were spoofed go nowhere.
        cls.lab.run("server", "ip", "route", "add", "blackhole", "10.0.0.0/8", check=True)
        for address in (LIMITED, "192.168.10.67"):
            cls.lab.run("client", "ip", "addr", "add", f"{address}/24", "dev", "lan0", check=True)
        wait_until(lambda: cls.lab.run("server", "ss", "-Hltn", "sport = :7000").stdout.strip(), what="the echo server")
        cls.macs = {"lan0": cls.mac("eth1"), "wan0": cls.mac("eth0")}
        cls.spid = cls.lab.spid(RULES)
        cls.bystanders = 0

    @classmethod
    def mac(cls, interface):
        return json.loads(cls.lab.run("gateway", "ip", "-j", "link", "show", interface).stdout)[0]["address"]

    def status(self):
        return self.spid.ask("status")[0]

    def attack(self, host, *words, rate=20000):
        """Runs the attack beside a bystander; how many packets came to the daemon, and what it counted meanwhile."""
        interface = "lan0" if host == "client" else "wan0"
        words = [self.port if word == "PORT" else str(word) for word in words]
        before = self.status()
        done = self.lab.run(host, self.attack_program, interface, self.macs[interface], str(rate), *words, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        sent = int(done.stdout)
        # The queue is worked off before anything is counted.
        wait_until(lambda: all(queue["waiting"] == 0 for queue in self.status()["queues"]), what="an empty queue")
        after = self.status()
        reasons = {name: after["reasons"].get(name, 0) - before["reasons"].get(name, 0) for name in after["reasons"]}
        self.assertLessEqual(after["table"]["connections"], CONNECTIONS)
        # What this machine was too slow for was dropped by the kernel's queue, and is no longer the daemon's.
        return sent - (self.lost(after) - self.lost(before)), reasons, after

    @staticmethod
    def lost(status):
        return sum(queue["kernel_queue_dropped"] + queue["kernel_user_dropped"] for queue in status["queues"])

    def setUp(self):
        type(self).bystanders += 1
        name = os.path.join(self.lab.folder, f"bystander-{self.bystanders}")
        self.stop = name + ".stop"
        with open(name + ".out", "wb") as out:
            self.bystander = self.lab.start("client", sys.executable, "-c", BYSTANDER, SERVER4, name + ".port", self.stop,
                                            stdout=out)
        wait_until(lambda: os.path.exists(name + ".port"), what="the bystander's connection")
        with open(name + ".port") as file:
            self.port = file.read()
        self.out = name + ".out"

    def tearDown(self):
        """Nothing of it was noticed."""
        open(self.stop, "w").close()
        self.bystander.wait(60)
        with open(self.out) as file:
            result = json.loads(file.read())
        self.assertEqual(result["errors"], [])
        self.assertGreater(result["exchanges"], 20)
        self.assertGreater(result["opened"], 2)

    def test_spoofed_syns(self):
        count = 1_000_000 if LONG else 60_000
        resident = self.status()["resident_bytes"]
        sent, reasons, after = self.attack("client", "syn", count, SERVER4, 80)
        self.assertGreaterEqual(reasons["rule"], sent)
        self.assertGreaterEqual(after["table"]["evicted"], sent - CONNECTIONS)
        # The bound: an entry is 192 bytes, a bucket of the hash 4, and each page of either may be touched.
        self.assertLess(after["resident_bytes"] - resident, CONNECTIONS * 192 + 4194304 * 4 + (8 << 20))

    def test_udp_flood(self):
        sent, reasons, after = self.attack("client", "udp", 200_000 if LONG else 40_000, SERVER4, 5300)
        self.assertGreaterEqual(reasons["rule"], sent)
        self.assertGreater(after["table"]["evicted"], 0)

    def test_blind_resets(self):
        for host, ends in (("server", (SERVER4, 7000, CLIENT4, "PORT")), ("client", (CLIENT4, "PORT", SERVER4, 7000))):
            sent, reasons, _ = self.attack(host, "sweep", "R", 65536, *ends)
            self.assertGreaterEqual(reasons["tcp-window"] + reasons.get("tcp-reset", 0), sent)

    def test_blind_syns(self):
        for host, ends in (("server", (SERVER4, 7000, CLIENT4, "PORT")), ("client", (CLIENT4, "PORT", SERVER4, 7000))):
            if host == "client" and not LONG:
                continue
            sent, reasons, _ = self.attack(host, "sweep", "S", 65536, *ends)
            # Two a second pass, as challenges.
            self.assertGreaterEqual(reasons["limit"], sent * 0.99)

    def test_forged_icmp_errors(self):
        sent, reasons, _ = self.attack("server", "icmp", 65536, CLIENT4, "PORT", SERVER4, 7000)
        # Those that quote a number in the window belong to the connection: less than a hundredth.
        self.assertGreaterEqual(reasons["icmp-unrelated"], sent * 0.99)

    def test_segments_without_a_connection(self):
        sent, reasons, _ = self.attack("server", "ack", 400_000 if LONG else 40_000, CLIENT4)
        self.assertGreaterEqual(reasons["tcp-no-connection"], sent)

    def test_tiny_and_overlapping_fragments(self):
        before = self.status()["table"]["connections"]
        self.attack("client", "fragments", 60_000 if LONG else 15_000, CLIENT4, SERVER4, 80)
        # The kernel puts together what it can; nothing of it becomes a connection.
        self.assertLess(self.status()["table"]["connections"], before + 200)

    def test_a_source_that_opens_until_its_limit(self):
        sent, reasons, _ = self.attack("client", "source", 5000, LIMITED, SERVER4, 80)
        self.assertGreaterEqual(reasons["limit"], sent - 50)

    def test_a_source_that_is_banned(self):
        served = int(self.lab.python("client", OPENER, "192.168.10.67", SERVER4, "40").stdout)
        self.assertLessEqual(served, 20)
        self.assertGreater(served, 10)
        again = int(self.lab.python("client", OPENER, "192.168.10.67", SERVER4, "3").stdout)
        self.assertEqual(again, 0)
        cut = [c for c in self.spid.ask("states") if c.get("src") == "192.168.10.67" and c["state"] == "established"]
        self.assertEqual([c for c in cut if not c["cut"] and c["packets"][0] > 8], [])


if __name__ == "__main__":
    lab_module.main(Attacks)
