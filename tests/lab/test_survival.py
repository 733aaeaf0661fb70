#!/usr/bin/env python3
"""The lab: nothing is lost. Connections live through the end of the daemon, in good order or by SIGKILL, and a start; what rules
forbid does not get through meanwhile. Without the fast path; test_survival_fast.py has it."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, SERVER6, LabTest, tmpfs, wait_until

ZONES = "zone lan = eth1\nzone wan = eth0\n"
STAYS, GOES, FORBIDDEN = 9000, 9001, 9999
LONG = bool(os.environ.get("SPID_LAB_LONG"))

# Answers everything with itself, on each of the ports.
ECHO = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
def accept(listener):
    peer = listener.accept()[0]
    selector.register(peer, selectors.EVENT_READ, answer)
def answer(peer):
    try:
        data = peer.recv(65536)
        if data:
            peer.sendall(data)
            return
    except OSError:
        pass
    selector.unregister(peer)
    peer.close()
for port in sys.argv[2:]:
    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1000)
    selector.register(listener, selectors.EVENT_READ, accept)
open(sys.argv[1], "w").close()
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
"""

# So many connections, by turns to the addresses, that all the time ask for an echo. A line "N SECONDS" asks for N more answers on
# each, within the time; the answer says on how many connections they came, and how many are broken.
TALKERS = """
import json, os, selectors, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
selector = selectors.DefaultSelector()
class Talker:
    def __init__(self, address):
        self.socket = socket.create_connection((address, port), timeout=20)
        self.socket.setblocking(False)
        self.answers, self.broken, self.next = 0, False, 0
        self.sent = self.missing = b""
        selector.register(self.socket, selectors.EVENT_READ, self)
    def ask(self, now):
        if self.broken or self.missing or now < self.next:
            return
        self.missing = os.urandom(64)
        self.next = now + 0.1
        try:
            self.socket.sendall(self.missing)
        except OSError:
            self.broken = True
    def hear(self):
        try:
            data = self.socket.recv(64)
        except OSError:
            data = b""
        if not data or not self.missing.startswith(data):
            self.broken = True
            selector.unregister(self.socket)
            return
        self.missing = self.missing[len(data):]
        self.answers += not self.missing
talkers = [Talker(sys.argv[3 + i % (len(sys.argv) - 3)]) for i in range(count)]
selector.register(sys.stdin, selectors.EVENT_READ, None)
wanted = None
print("open", flush=True)
while True:
    now = time.monotonic()
    for talker in talkers:
        talker.ask(now)
    for key, _ in selector.select(0.02):
        if key.data is not None:
            key.data.hear()
            continue
        line = sys.stdin.readline().split()
        if not line:
            sys.exit()
        goals, end = [t.answers + int(line[0]) for t in talkers], now + float(line[1])
        wanted = goals, end
    if wanted is not None:
        reached = sum(t.answers >= goal for t, goal in zip(talkers, wanted[0]))
        broken = sum(t.broken for t in talkers)
        if reached + broken == count or now > wanted[1]:
            print(json.dumps({"reached": reached, "broken": broken}), flush=True)
            wanted = None
"""

# Tries a port in every way, all the time: opens, sends datagrams, sends segments from the middle of a connection that is none.
INTRUDER = """
import socket, struct, sys, time
here, there, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff
def segment(source, flags):
    header = struct.pack("!HHIIBBHHH", source, port, 1000, 2000, 0x50, flags, 1000, 0, 0)
    pseudo = socket.inet_aton(here) + socket.inet_aton(there) + struct.pack("!BBH", 0, 6, len(header))
    return header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]
source = 2000
while True:
    source = source + 1 if source < 60000 else 2000
    for flags in (0x02, 0x10, 0x18, 0x11, 0x12):
        raw.sendto(segment(source, flags), (there, 0))
    udp.sendto(b"hello", (there, port))
    time.sleep(0.01)
"""


class Survival(LabTest):
    FAST = "fastpath off\n"
    PICKED_UP = True # without what was saved
    COUNT = 200

    @classmethod
    def setUpClass(cls):
        if tmpfs() is None:
            raise unittest.SkipTest("there is no tmpfs for the state table")
        cls.state = os.path.join(tmpfs(), f"spid-lab-{os.getpid()}.state")
        cls.addClassCleanup(lambda: os.path.exists(cls.state) and os.unlink(cls.state))
        super().setUpClass()
        # Who reads nothing more closes his window soon.
        cls.lab.run("client", "sysctl", "-qw", "net.ipv4.tcp_rmem=4096 131072 2000000", check=True)
        cls.prepare()
        cls.size = 1_000_000_000 if LONG else 20_000_000
        cls.folder = cls.lab.web("server", 80, size=cls.size)
        ready = os.path.join(cls.lab.folder, "echo")
        cls.lab.start("server", sys.executable, "-c", ECHO, ready, str(STAYS), str(GOES), str(FORBIDDEN))
        wait_until(lambda: os.path.exists(ready), what="the echo server")
        for protocol in ("tcp", "udp"):
            cls.lab.run("server", "iptables", "-A", "INPUT", "-p", protocol, "--dport", str(FORBIDDEN), check=True)

    @classmethod
    def prepare(cls):
        pass

    def tearDown(self):
        for daemon in self.lab.daemons:
            daemon.stop(signal.SIGKILL)
        self.spid().stop(signal.SIGINT)
        self.assertFalse(os.path.exists(self.state), "SIGINT has left the state table")

    def rules(self, *ports):
        return ZONES + self.FAST + "".join(f"allow lan to any tcp {port}\n" for port in (80, *ports))

    def spid(self, *ports, **more):
        return self.lab.spid(self.rules(*ports), state=self.state, **more)

    def start(self, code, *arguments):
        process = subprocess.Popen([*self.lab.entries["client"], sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def talkers(self, port, count):
        process = self.start(TALKERS, str(port), str(count), SERVER4, SERVER6)
        self.assertEqual(process.stdout.readline(), "open\n")
        self.go(process, count)
        return process

    def go(self, talkers, count, answers=3, seconds=60):
        """On COUNT connections so many more answers come, and none is broken."""
        print(answers, seconds, file=talkers.stdin, flush=True)
        self.assertEqual(json.loads(talkers.stdout.readline()), {"reached": count, "broken": 0})

    def intruded(self):
        """Packets that have reached the forbidden port."""
        lines = self.lab.run("server", "iptables", "-nvxL", "INPUT", check=True).stdout.splitlines()
        return sum(int(line.split()[0]) for line in lines if f"dpt:{FORBIDDEN}" in line)

    def check_adopted(self, spid, least):
        state = spid.ask("status")[0]["state"]
        self.assertEqual((state["file"], state["why"], state["refused"]), (self.state, None, {}))
        self.assertGreaterEqual(state["adopted"], least)
        self.assertIn(f"{state['adopted']} connections adopted", spid.ctl("status").stdout)
        self.assertFalse(any(c.get("picked_up") for c in spid.ask("states")))

    def test_kill(self):
        kills = 20 if LONG else 3
        spid = self.spid(STAYS)
        intruder = self.start(INTRUDER, CLIENT4, SERVER4, str(FORBIDDEN))
        talkers = self.talkers(STAYS, self.COUNT)
        for _ in range(kills):
            spid.stop(signal.SIGKILL)
            spid = self.spid(STAYS)
            self.assertIn("connections go on as the daemon before left them", spid.log())
            self.check_adopted(spid, self.COUNT)
            self.go(talkers, self.COUNT, 1)
        self.go(talkers, self.COUNT)
        self.assertIsNone(intruder.poll())
        self.assertEqual(self.intruded(), 0)

    def download(self, rate, name="file"):
        """curl, and the file that it writes."""
        target = os.path.join(self.lab.folder, "download")
        if os.path.exists(target):
            os.unlink(target)
        curl = self.lab.start("client", "curl", "-s", "--limit-rate", rate, "-o", target, f"http://{SERVER4}/{name}")
        self.addCleanup(curl.wait)
        self.addCleanup(curl.kill)
        return curl, target

    def test_stop_and_start_in_a_download(self):
        spid = self.spid(STAYS)
        talkers = self.talkers(STAYS, self.COUNT)
        curl, target = self.download("50M" if LONG else "4M")
        for i in range(2):
            part = (i + 1) * self.size // 5
            wait_until(lambda part=part: os.path.exists(target) and os.path.getsize(target) > part, 60, "some of the download")
            spid.stop(signal.SIGTERM)
            self.assertIsNone(curl.poll())
            spid = self.spid(STAYS)
            self.assertIn("connections go on as the daemon before saved them", spid.log())
            self.check_adopted(spid, self.COUNT + 1)
        self.assertEqual(curl.wait(120), 0)
        with open(target, "rb") as got, open(os.path.join(self.folder, "file"), "rb") as sent:
            self.assertEqual(hashlib.file_digest(got, "sha256").digest(), hashlib.file_digest(sent, "sha256").digest())
        self.go(talkers, self.COUNT)

    def test_who_has_no_rule_any_more_is_cut(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            spid = self.spid(STAYS, GOES)
            stays, goes = self.talkers(STAYS, 5), self.talkers(GOES, 5)
            spid.stop(number)
            spid = self.spid(STAYS)
            self.go(stays, 5)
            print(2, 1, file=goes.stdin, flush=True)
            self.assertEqual(json.loads(goes.stdout.readline()), {"reached": 0, "broken": 0})
            # The entry is there: rules that allow it again revive it.
            spid.reload(self.rules(STAYS, GOES))
            self.go(goes, 5, 1)
            goes.kill()
            stays.kill()
            spid.stop(signal.SIGINT)

    def test_limits_count_those_that_were_there(self):
        rules = ZONES + self.FAST + f"allow lan to any tcp {STAYS} limit connections 5\n"
        spid = self.lab.spid(rules, state=self.state)
        talkers = self.talkers(STAYS, 5)
        spid.stop(signal.SIGKILL)
        spid = self.lab.spid(rules, state=self.state)
        self.assertEqual(self.lab.run("client", "curl", "-s", "-m1", f"http://{SERVER4}:{STAYS}/").returncode, 28)
        self.assertEqual(spid.ask("status")[0]["reasons"].get("limit", 0) > 0, True)
        self.go(talkers, 5)

    def test_where_all_passes_without_a_daemon_all_goes_on(self):
        rules = self.rules(STAYS) + "on daemon-down accept\n"
        spid = self.lab.spid(rules, state=self.state)
        # So large that it does not end here, whatever curl makes up for after a pause.
        with open(os.path.join(self.folder, "endless"), "w") as file:
            file.truncate(2_000_000_000)
        before, curl, target = self.talkers(STAYS, 20), *self.download("4M", "endless")
        wait_until(lambda: os.path.exists(target) and os.path.getsize(target) > 1_000_000, 60, "some of the download")
        spid.stop(signal.SIGKILL)
        # Far more than a window; then it waits for the next daemon.
        wait_until(lambda: os.path.getsize(target) > 11_000_000, 60, "more of the download")
        curl.send_signal(signal.SIGSTOP)
        meanwhile = self.talkers(STAYS, 20)
        spid = self.lab.spid(rules, state=self.state)
        # The first that is heard of the download is a probe of its closed window.
        def heard():
            return sum(c["packets"][1] for c in spid.ask("states") if c.get("dport") == 80)
        before_probe = heard()
        wait_until(lambda: heard() > before_probe, 60, "a probe")
        self.assertIsNone(curl.poll())
        curl.send_signal(signal.SIGCONT)
        self.go(before, 20)
        self.go(meanwhile, 20)
        self.assertGreaterEqual(spid.ask("status")[0]["state"]["adopted"], 21)
        stood = os.path.getsize(target)
        wait_until(lambda: os.path.getsize(target) > stood + 4_000_000, 60, "the rest of the download")

    def test_members_of_sets_stay(self):
        rules = ZONES + self.FAST + f"set bad = dynamic\ndeny bad to any\nallow lan to any tcp {STAYS}\n"
        for number in (signal.SIGTERM, signal.SIGKILL):
            spid = self.lab.spid(rules, state=self.state)
            self.assertEqual(spid.ctl("set", "bad", "add", "198.51.100.7").returncode, 0)
            self.assertEqual(spid.ctl("set", "bad", "add", SERVER4, "for", "1h").returncode, 0)
            self.assertEqual(spid.ctl("set", "bad", "add", SERVER6).returncode, 0)
            self.assertEqual(spid.ctl("set", "bad", "delete", "198.51.100.7").returncode, 0)
            if number == signal.SIGKILL:
                wait_until(lambda: spid.ask("status")[0]["state"]["members_kept"] == 2, what="what is kept")
            spid.stop(number)
            spid = self.lab.spid(rules, state=self.state)
            self.assertIn("2 members of sets are known from before", spid.log())
            members = {m["address"]: m for m in json.loads(spid.ctl("--json", "set", "bad", "list").stdout)["members"]}
            self.assertEqual(set(members), {SERVER4, SERVER6})
            self.assertIsNone(members[SERVER6]["left"])
            self.assertLess(members[SERVER4]["left"], 3601)
            spid.stop(signal.SIGINT)

    def refuse(self, damage, words):
        """What DAMAGE does to the file's bytes is told, and the start is a cold one."""
        spid = self.spid(STAYS)
        talkers = self.talkers(STAYS, 5)
        spid.stop(signal.SIGTERM)
        with open(self.state, "r+b") as file:
            damage(file)
        spid = self.spid(STAYS)
        self.assertIn(f"the state table {self.state} is refused: {words}", spid.log())
        self.assertIn("a cold start, connections that stand are picked up for 60 s", spid.log())
        self.assertIn(words, spid.ctl("status").stdout)
        self.go(talkers, 5)
        self.assertEqual(sum(bool(c.get("picked_up")) for c in spid.ask("states")), 5 * self.PICKED_UP)
        talkers.kill()
        spid.stop(signal.SIGINT)

    def test_a_broken_file_is_refused(self):
        def flip(file):
            file.seek((2 << 20) + 192 + 20)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 4]))
        self.refuse(flip, "its checksum does not fit")
        self.refuse(lambda file: file.truncate(3 << 20), "it is shorter than its header says")
        self.refuse(lambda file: file.truncate(100), "it is no state table")
        self.refuse(lambda file: file.write(b"nonsense"), "it is no state table")

    def test_after_a_kill_connections_from_before_the_cold_start_are_still_picked_up(self):
        self.spid().stop(signal.SIGINT)
        talkers = self.start(TALKERS, str(STAYS), "3", SERVER4)
        self.assertEqual(talkers.stdout.readline(), "open\n")
        spid = self.spid()
        spid.stop(signal.SIGKILL)
        self.spid(STAYS)
        self.go(talkers, 3)

    def test_where_nothing_can_outlast_it_it_says_so(self):
        place = os.path.join(self.lab.folder, "missing", "spid.state")
        spid = self.lab.spid(self.rules(STAYS), state=place)
        self.assertIn("connections will not outlast this daemon", spid.log())
        self.assertIn("does not outlast the daemon", spid.ctl("status").stdout)

    def test_a_full_file_system_denies_what_is_new(self):
        mount = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
                 f"mount -t tmpfs -o size=1m none {self.lab.folder} && exec \"$@\"", "sh")
        socket = os.path.join(tmpfs(), f"spid-lab-{os.getpid()}.sock")
        rules = os.path.join(tmpfs(), f"spid-lab-{os.getpid()}.rules")
        for path in (socket, rules):
            self.addCleanup(lambda path=path: os.path.exists(path) and os.unlink(path))
        with open(rules, "w") as file:
            file.write(self.rules(STAYS))
        spid = self.lab.spid(rules, "-S", socket, prefix=mount, state=os.path.join(self.lab.folder, "spid.state"))
        self.assertNotEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 0)
        spid.wait_for("is full: new connections are denied")
        spid.socket = socket
        status = spid.ask("status")[0]
        self.assertGreater(status["reasons"]["table-full"], 0)
        self.assertTrue(status["state"]["full"])

    def test_two_cannot_share_a_file(self):
        self.spid(STAYS)
        second = self.lab.spid(self.rules(STAYS), "-q", "100", "-S", os.path.join(self.lab.folder, "other.sock"), state=self.state,
                               ready=False)
        self.assertEqual(second.process.wait(20), 1)
        self.assertIn(f"another spid has its connections in {self.state}", second.log())


if __name__ == "__main__":
    lab_module.main(Survival)
