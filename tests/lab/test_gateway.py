#!/usr/bin/env python3
"""The lab: what one rule lets through, and what not."""
import hashlib
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, OUTSIDE4, SERVER4, SERVER6, LabTest

ZONES = "zone lan = eth1 net 192.168.10.0/24, fd00:10::/64\nzone wan = eth0\n"
RULES = ZONES + """
allow lan to any tcp 80 as "web"
allow lan to any icmp 8, icmp6 128
allow lan to any udp 5300-5301
reject lan to any tcp 81 as "no-81"
reject lan to any udp 81
"""


class Gateway(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.lab.web("server", 80, 85, size=20_000_000)
        cls.lab.web("client", 80)
        cls.lab.udp_echo("server", 5300)
        cls.spid = cls.lab.spid(RULES)

    def test_web_in_both_families(self):
        for address in (SERVER4, f"[{SERVER6}]"):
            self.assertEqual(self.lab.get(f"http://{address}/")[:2], (0, "hello from server\n"))

    def test_the_reverse_direction_is_closed(self):
        for address in (CLIENT4, f"[{CLIENT6}]"):
            self.assertEqual(self.lab.get(f"http://{address}/", host="server", seconds=1)[0], 28)

    def test_a_denied_port_is_silent(self):
        for address in (SERVER4, f"[{SERVER6}]"):
            self.assertEqual(self.lab.get(f"http://{address}:85/", seconds=1)[0], 28)
        self.assertEqual(self.lab.udp(SERVER4, 5555, seconds=1), "timeout")

    def test_a_rejected_port_answers_at_once(self):
        for address in (SERVER4, f"[{SERVER6}]"):
            status, _, took = self.lab.get(f"http://{address}:81/", seconds=5)
            self.assertEqual(status, 7)
            self.assertLess(took, 3)
        self.assertIn(self.lab.udp(SERVER4, 81), ("EHOSTUNREACH", "EACCES", "ECONNREFUSED"))
        self.assertIn(self.lab.udp(SERVER6, 81), ("EHOSTUNREACH", "EACCES", "ECONNREFUSED"))

    def test_ping_out_and_not_in(self):
        for out, back in ((SERVER4, CLIENT4), (SERVER6, CLIENT6)):
            self.assertTrue(self.lab.ping(out))
            self.assertFalse(self.lab.ping(back, host="server"))

    def test_an_icmp_error_comes_back_to_the_client(self):
        for address in (SERVER4, SERVER6):
            self.assertEqual(self.lab.udp(address, 5301), "ECONNREFUSED")

    def test_fragments_are_reassembled(self):
        for address in (SERVER4, SERVER6):
            self.assertTrue(self.lab.ping(address, size=3000))
            self.assertEqual(self.lab.udp(address, 5300, size=5000), "answer")

    def test_a_large_transfer_arrives_unharmed(self):
        size = 200_000_000 if os.environ.get("SPID_LAB_LONG") else 20_000_000
        path = os.path.join(self.folder, "file")
        if size != os.path.getsize(path):
            with open(path, "wb") as file:
                file.write(os.urandom(1_000_000) * (size // 1_000_000))
        with open(path, "rb") as file:
            wanted = hashlib.sha256(file.read()).hexdigest()
        for address in (SERVER4, f"[{SERVER6}]"):
            got = self.lab.run("client", "sh", "-c", f"curl -s -m 100 http://{address}/file | sha256sum", timeout=120)
            self.assertEqual(got.stdout.split()[0], wanted)

    def test_spidctl_tells(self):
        self.lab.get(f"http://{SERVER4}/")
        status = self.spid.ask("status")[0]
        self.assertTrue(status["ok"])
        self.assertGreater(status["verdicts"]["allow"], 0)
        self.assertGreater(status["reasons"]["rule"], 0)
        rules = {rule["name"]: rule for rule in self.spid.ask("rules")[0]["rules"]}
        self.assertGreater(rules["web"]["connections"], 0)
        states = self.spid.ask("states")
        self.assertTrue(states[-1]["ok"])
        self.assertIn((CLIENT4, SERVER4, 80), [(s["src"], s["dst"], s["dport"]) for s in states[:-1]])
        for command in ("status", "rules", "states", "reload"):
            done = self.spid.ctl(command)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('"web"', self.spid.ctl("rules").stdout)
        self.assertEqual(self.spid.ctl("nonsense").returncode, 2)

    def test_who_is_nobody_is_told_nothing(self):
        program = os.path.join(self.lab.build, "spidctl")
        for command in ("status", "reload"):
            done = self.lab.run("gateway", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "-S",
                                self.spid.socket, command)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is for root and members of the group spid", done.stderr)

    def test_the_control_socket_bears_nonsense(self):
        for bytes_sent in (b"nonsense\n", b"{}\n", b'{"command":5}\n', b"\0\xff\n" * 100, b"x" * 1_000_000,
                           b'{"command":"' + b"y" * 60000 + b'"}\n'):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(5)
            client.connect(self.spid.socket)
            try:
                client.sendall(bytes_sent)
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                pass
            answer = client.recv(65536)
            self.assertIn(b'"ok":false', answer)
            client.close()
        idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for client in idle:
            client.connect(self.spid.socket)
        for client in idle:
            client.close()
        lab_module.wait_until(lambda: self.spid.ask("status")[0]["ok"], what="an answer after the crowd")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_what_the_kernel_drops_is_told(self):
        burst = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 40000))
for _ in range(int(sys.argv[2])):
    s.sendto(b"x", (sys.argv[1], 9))
"""
        def dropped():
            return sum(queue["kernel_queue_dropped"] + queue["kernel_user_dropped"] for queue in self.spid.ask("status")[0]["queues"])

        before, said = dropped(), len(self.spid.log())
        # So many wait, whatever the daemon does meanwhile.
        self.spid.process.send_signal(signal.SIGSTOP)
        try:
            self.lab.python("client", burst, SERVER4, "8000")
            waiting = sum(int(line.split()[2]) for line in self.lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue")
                          .stdout.splitlines())
            self.assertEqual(waiting, 8000)
            self.lab.python("client", burst, SERVER4, "4000")
        finally:
            self.spid.process.send_signal(signal.SIGCONT)
        self.spid.wait_for("packets that waited for a worker", after=said)
        self.assertEqual(dropped() - before, 12000 - 8192)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)

    def test_a_flood_does_not_end_the_daemon(self):
        seconds = 10 if os.environ.get("SPID_LAB_LONG") else 2
        blast = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    for i in range(1000):
        try: s.sendto(b"x" * 20, (sys.argv[1], 1024 + i * 13 % 60000))
        except OSError: pass
"""
        before = self.spid.ask("status")[0]
        blasters = [self.lab.start("client", sys.executable, "-c", blast, SERVER4, str(seconds)) for _ in range(3)]
        for blaster in blasters:
            blaster.wait(60)
        after = self.spid.ask("status")[0]
        self.assertIsNone(self.spid.process.poll())
        self.assertGreater(after["verdicts"]["deny"], before["verdicts"]["deny"] + 1000)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[:2], (0, "hello from server\n"))
        for queue in after["queues"]:
            self.assertEqual(queue["verdicts_refused"], 0)


if __name__ == "__main__":
    lab_module.main(Gateway)
