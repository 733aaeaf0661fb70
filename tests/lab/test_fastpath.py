#!/usr/bin/env python3
"""The lab: what passes in the kernel, what does not, and what becomes of it."""
import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import SERVER4, SERVER6, LabTest, wait_until

ZONES = "zone lan = eth1\nzone wan = eth0\nfastpath on\n"
ALLOW = "allow lan to any tcp 80\nallow lan to any udp 7\n"
PINNED = "/sys/fs/bpf"

# A datagram a line of standard input, by the numbers on it; says what came back of how many.
TALK = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.connect((sys.argv[1], 7))
for line in sys.stdin:
    got = 0
    for i in range(int(line)):
        s.send(b"x" * 100)
        try:
            got += len(s.recv(2000)) == 100
        except TimeoutError:
            pass
    print(got, flush=True)
"""

# The same over TCP: a request for a page a line, all over one connection.
ASK = """
import socket, sys
s = socket.create_connection((sys.argv[1], 80), timeout=3)
for line in sys.stdin:
    got = 0
    for i in range(int(line)):
        try:
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            data = b""
            while b"hello from server" not in data:
                more = s.recv(4000)
                if not more:
                    raise OSError("the server has closed")
                data += more
            got += 1
        except OSError:
            break
    print(got, flush=True)
"""


class Talk:
    """A client that goes on when it is told to."""

    def __init__(self, lab, code, address):
        import subprocess
        self.process = subprocess.Popen([*lab.entries["client"], sys.executable, "-c", code, address], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)

    def go(self, count):
        print(count, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


def why_not(lab):
    """Why there is no fast path here, or None."""
    if not lab.mount_bpf():
        return "no bpf file system can be mounted"
    spid = lab.spid(ZONES + ALLOW, ready=False)
    try:
        spid.wait_for("ready: ")
    except RuntimeError:
        return spid.log().strip()
    spid.stop()
    return None


class FastPath(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = why_not(cls.lab)
        if reason is not None:
            cls.lab.close()
            raise unittest.SkipTest(reason)
        cls.lab.web("server", 80, size=10_000_000)
        cls.lab.udp_echo("server", 7)

    def tearDown(self):
        self.clear(ZONES + ALLOW)

    def queued(self, spid):
        return sum(queue["packets"] for queue in spid.ask("status")[0]["queues"])

    def entries(self, spid):
        return spid.ask("status")[0]["fastpath"]["entries"]

    def talk(self, code, address):
        talk = Talk(self.lab, code, address)
        self.addCleanup(talk.end)
        return talk

    def go_beside(self, spid, times, *talks):
        """So many of each pass without the daemon; one that is busy may need a moment until it has entered them."""
        def passed():
            before = self.queued(spid)
            for talk in talks:
                self.assertEqual(talk.go(times), times)
            return self.queued(spid) == before
        wait_until(passed, 30, "packets that the daemon does not see")

    def test_established_connections_do_not_reach_the_queue(self):
        spid = self.lab.spid(ZONES + ALLOW)
        for code in (TALK, ASK):
            for address in (SERVER4, SERVER6):
                talk = self.talk(code, address)
                self.assertEqual(talk.go(3), 3)
                self.go_beside(spid, 100, talk)
        self.assertEqual(self.entries(spid), 4)

    def test_bulk_passes_too(self):
        spid = self.lab.spid(ZONES + ALLOW)
        for host in (SERVER4, f"[{SERVER6}]"):
            done = self.lab.run("client", "curl", "-s", "-m30", "-o", "/dev/null", "-w", "%{size_download}", f"http://{host}/file")
            self.assertEqual(done.stdout, "10000000")
        passed = spid.ask("status")[0]["fastpath"]["packets"]
        self.assertGreater(passed, 10 * self.queued(spid))
        # A connection that ends is nobody's any more.
        wait_until(lambda: self.entries(spid) == 0, what="the end of both entries")

    def test_counters_are_those_of_all_packets(self):
        spid = self.lab.spid(ZONES + ALLOW)
        for address, header in ((SERVER4, 28), (SERVER6, 48)):
            self.assertEqual(self.talk(TALK, address).go(50), 50)
            found = [c for c in spid.ask("states") if c.get("dst") == address and c["proto"] == 17]
            self.assertEqual([(c["packets"], c["bytes"]) for c in found], [([50, 50], [50 * (100 + header)] * 2)])
            self.assertGreater(found[0]["expires"], 38)
        wait_until(lambda: spid.ask("rules")[0]["rules"][1]["packets"] == 200, what="the rule's 200 packets")
        self.assertEqual(spid.ask("status")[0]["verdicts"]["allow"], 200)

    def test_a_reload_takes_effect_at_once(self):
        spid = self.lab.spid(ZONES + ALLOW)
        udp, tcp = self.talk(TALK, SERVER4), self.talk(ASK, SERVER6)
        self.assertEqual((udp.go(10), tcp.go(10)), (10, 10))
        spid.reload(ZONES + "allow lan to any tcp 81\n")
        self.assertEqual(udp.go(1), 0)
        cut = [c["cut"] for c in spid.ask("states") if c.get("proto") == 17]
        self.assertEqual(cut, [True])
        spid.reload(ZONES + ALLOW)
        self.assertEqual(udp.go(10), 10)
        self.assertEqual(tcp.go(10), 10)
        self.go_beside(spid, 50, udp, tcp)

    def test_a_flush_takes_effect_at_once(self):
        spid = self.lab.spid(ZONES + "set bad = dynamic\ndeny bad to any\n"
                             "allow lan to any udp 7\nallow lan to any tcp 80 limit new 3/1h per source overload bad flush\n")
        udp = self.talk(TALK, SERVER4)
        self.assertEqual(udp.go(10), 10)
        self.go_beside(spid, 10, udp)
        for _ in range(5):
            self.lab.get(f"http://{SERVER4}/", seconds=1)
        wait_until(lambda: any(c.get("cut") for c in spid.ask("states")) or udp.go(1) == 0, what="the flush")
        self.assertEqual(udp.go(2), 0)

    def test_a_full_map_leaves_the_rest_to_the_daemon(self):
        spid = self.lab.spid(ZONES.replace("fastpath on", "fastpath on max 2") + ALLOW)
        talks = [self.talk(TALK, SERVER4) for _ in range(4)]
        for talk in talks:
            self.assertEqual(talk.go(10), 10)
        fastpath = spid.ask("status")[0]["fastpath"]
        self.assertEqual((fastpath["entries"], fastpath["limit"]), (2, 2))
        self.assertGreater(fastpath["full"], 0)
        self.assertIn("2 of 2 connections", spid.ctl("status").stdout)

    def test_what_is_logged_or_marked_is_not_entered(self):
        spid = self.lab.spid(ZONES + "allow lan to any udp 7 log\nallow lan to any tcp 80 mark 0x1\n")
        self.assertEqual((self.talk(TALK, SERVER4).go(10), self.talk(ASK, SERVER4).go(10)), (10, 10))
        self.assertEqual(self.entries(spid), 0)

    def test_idle_connections_end(self):
        spid = self.lab.spid(ZONES + "timeout udp.replied 2s\n" + ALLOW)
        udp = self.talk(TALK, SERVER4)
        self.assertEqual(udp.go(10), 10)
        # Packets that only the kernel sees keep it alive.
        for _ in range(4):
            time.sleep(1)
            before = self.queued(spid)
            self.assertEqual(udp.go(1), 1)
            self.assertEqual(self.queued(spid), before)
        # What an earlier test's client still had to say to its web server may have been picked up beside it.
        self.assertEqual(len([c for c in spid.ask("states") if c.get("proto") == 17]), 1)
        wait_until(lambda: not [c for c in spid.ask("states") if c.get("proto") == 17], what="its end")
        self.assertEqual(self.entries(spid), 0)

    def test_what_exists_goes_on_without_a_daemon(self):
        spid = self.lab.spid(ZONES + ALLOW)
        udp, tcp = self.talk(TALK, SERVER4), self.talk(ASK, SERVER6)
        self.assertEqual((udp.go(10), tcp.go(10)), (10, 10))
        for number in (signal.SIGKILL, signal.SIGTERM):
            spid.stop(number)
            time.sleep(5.5) # longer than where they are to be dropped
            self.assertEqual((udp.go(20), tcp.go(20)), (20, 20))
            self.assertNotEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 0)
            # The next one takes them over while they go on.
            spid = self.lab.spid(ZONES + ALLOW, ready=False)
            while "ready: " not in spid.log():
                self.assertEqual((udp.go(2), tcp.go(2)), (2, 2))
                time.sleep(0.01)
            self.assertIn("2 connections of the fast path go on", spid.log())
            self.assertEqual((udp.go(20), tcp.go(20)), (20, 20))
            self.assertEqual(self.queued(spid), 0)
            found = {c["proto"]: c for c in spid.ask("states") if "proto" in c}
            self.assertEqual((found[6]["state"], found[17]["state"]), ("established", "replied"))
            self.assertFalse(found[6]["picked_up"])
            self.assertGreaterEqual(min(found[17]["packets"]), 40)
        tcp.end()
        wait_until(lambda: [c["state"] for c in spid.ask("states") if c.get("proto") == 6] == ["time-wait"], what="its end")
        # The next daemon's rules hold for what the last one entered.
        spid.stop(signal.SIGKILL)
        self.assertEqual(udp.go(1), 1)
        spid = self.lab.spid(ZONES + "allow lan to any tcp 81\n")
        self.assertEqual([c for c in spid.ask("states") if "proto" in c], [])
        self.assertEqual(udp.go(1), 0)

    def test_the_next_daemon_logs_what_it_is_to_log(self):
        spid = self.lab.spid(ZONES + ALLOW)
        udp = self.talk(TALK, SERVER4)
        self.assertEqual(udp.go(10), 10)
        spid.stop(signal.SIGKILL)
        spid = self.lab.spid(ZONES + "allow lan to any udp 7 log\n")
        self.assertEqual(udp.go(10), 10)
        self.assertEqual((self.queued(spid), self.entries(spid)), (20, 0))
        # The counts go on; only a packet that the first daemon judged while it entered the connection may be missing.
        (packets,) = [c["packets"] for c in spid.ask("states") if "packets" in c]
        self.assertTrue(all(count in (19, 20) for count in packets), packets)

    def test_with_drop_nothing_goes_on_without_a_daemon(self):
        rules = ZONES + "on daemon-down drop\n" + ALLOW
        spid = self.lab.spid(rules)
        udp = self.talk(TALK, SERVER4)
        self.assertEqual(udp.go(10), 10)
        spid.stop(signal.SIGTERM)
        self.assertEqual(udp.go(1), 0)
        spid = self.lab.spid(rules)
        self.assertEqual(udp.go(10), 10)
        spid.stop(signal.SIGKILL)
        wait_until(lambda: udp.go(1) == 0, what="the end of what passes")

    def test_with_accept_all_goes_on_without_a_daemon(self):
        spid = self.lab.spid(ZONES + "on daemon-down accept\n" + ALLOW)
        self.assertNotEqual(self.lab.get(f"http://{SERVER4}:81/", seconds=1)[0], 7)
        spid.stop(signal.SIGKILL)
        self.assertEqual(self.lab.get(f"http://{SERVER4}:81/", seconds=1)[0], 7)

    def test_int_leaves_nothing(self):
        before = self.lab.kernel_rules()
        spid = self.lab.spid(ZONES + ALLOW)
        self.assertRegex(self.lab.kernel_rules(), r"(?s)-m bpf --object-pinned /sys/fs/bpf/spid-\d+/program -j ACCEPT\n.*NFQUEUE")
        self.assertIn("spid-", self.lab.run("gateway", "ls", PINNED).stdout)
        udp = self.talk(TALK, SERVER4)
        self.assertEqual(udp.go(10), 10)
        spid.stop(signal.SIGINT)
        self.assertEqual(self.lab.kernel_rules(), before)
        self.assertNotIn("spid-", self.lab.run("gateway", "ls", PINNED).stdout)

    def test_off_clears_what_another_daemon_has_left(self):
        self.lab.spid(ZONES + ALLOW).stop(signal.SIGKILL)
        spid = self.lab.spid(ZONES.replace("fastpath on", "fastpath off") + ALLOW)
        self.assertNotIn("bpf", self.lab.kernel_rules())
        self.assertNotIn("spid-", self.lab.run("gateway", "ls", PINNED).stdout)
        self.assertRegex(spid.ctl("status").stdout, r"fast path +none: off in the rules file")

    def test_without_a_bpf_file_system_the_daemon_runs_without(self):
        entry, self.lab.entries["gateway"] = self.lab.entries["gateway"], ["ip", "netns", "exec", self.lab.names["gateway"]]
        try:
            spid = self.lab.spid(ZONES, ready=False)
            self.assertEqual(spid.process.wait(10), 1)
            self.assertTrue(re.search("no fast path, and the rules say `fastpath on`.*mount -t bpf", spid.log()), spid.log())
            spid = self.lab.spid(ZONES.replace("fastpath on", "fastpath auto") + ALLOW)
            self.assertIn("no fast path, every packet is queued", spid.log())
            self.assertEqual(self.talk(TALK, SERVER4).go(10), 10)
            spid.stop()
        finally:
            self.lab.entries["gateway"] = entry


if __name__ == "__main__":
    lab_module.main(FastPath)
