#!/usr/bin/env python3
"""The lab: events as lines of JSON and denied packets as pcapng, in files, pipes, syslog and the journal; and what becomes of them, and of the
packets that have nothing to do with it, when a disk is full, a folder gone, a reader dead or asleep."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, Lab, wait_until

# The daemon's own /dev and /run, where syslog and the journal are sockets of this test, and a disk that is soon full.
PRIVATE = """set -e
folder=$1; shift
mkdir -p "$folder/dev" "$folder/small"
mount -t tmpfs none "$folder/dev"
for node in null zero random urandom; do touch "$folder/dev/$node"; mount --bind "/dev/$node" "$folder/dev/$node"; done
ln -s "$folder/syslog" "$folder/dev/log"
mount --rbind "$folder/dev" /dev
mount -t tmpfs none /run
mkdir -p /run/systemd/journal
ln -s "$folder/journal" /run/systemd/journal/socket
mount -t tmpfs -o size=64k none "$folder/small"
exec "$@"
"""

RULES = """zone lan = eth1
zone wan = eth0
timeout tcp.time-wait 1s, tcp.closed 1s, udp.new 1s, udp.replied 1s, icmp 1s
{places}
allow lan to any tcp 80 as "web" log 1000/s
allow lan to any tcp 81, udp 5300, icmp 8, icmp6 128 log 1000/s
allow lan to any tcp 82
reject lan to any udp 99 as "no-99" log
default deny log {rate}
"""

# A TCP packet with these flags.
TCP_PACKET = """
import socket, struct, sys
src, dst, port, flags = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4], 0)
head = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, flags, 1000, 0, 0)
pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(head)) + head
total = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo))
total = (total >> 16) + (total & 0xffff)
total += total >> 16
head = head[:16] + struct.pack("!H", ~total & 0xffff) + head[18:]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.sendto(head, (dst, 0))
"""

# Datagrams to ports from 10000 on, so many.
SCATTER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(b"x" * 20, (sys.argv[1], 10000 + i % 20000))
"""

# Opens a connection and says so; reads a line, then closes or resets it.
HOLD = """
import socket, struct, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
print("open", flush=True)
if "reset" in sys.stdin.readline():
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
"""


def epb_comments(path):
    """The packets of a pcapng file with their comments."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length, "a block that is not whole"
        if kind == 6:
            captured = struct.unpack_from("=I", data, at + 20)[0]
            option = at + 28 + (captured + 3) // 4 * 4
            code, size = struct.unpack_from("=HH", data, option)
            assert code == 1, code
            found.append((data[at + 28:at + 28 + captured], data[option + 4:option + 4 + size].decode()))
        at += length
    return found


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(os.environ.get("builddir", "."))
        cls.lab.web("server", 80, 81, 82)
        cls.lab.udp_echo("server", 5300)
        cls.script = os.path.join(cls.lab.folder, "private.sh")
        with open(cls.script, "w") as file:
            file.write(PRIVATE)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def setUp(self):
        self.eve = os.path.join(self.lab.folder, self.id().rsplit(".", 1)[1] + ".json")
        self.packets = self.eve.replace(".json", ".pcapng")
        self.spid, self.sockets = None, []

    def tearDown(self):
        if self.spid is not None:
            self.spid.stop()
        for name in self.sockets:
            self.close_socket(name)

    # ---- what the tests are made of ----

    def prefix(self):
        return ("unshare", "--mount", "--propagation", "private", "sh", self.script, self.lab.folder)

    def start(self, *places, rate="10/s", options=()):
        self.spid = self.lab.spid(RULES.format(places="\n".join(places), rate=rate), *options, prefix=self.prefix())
        return self.spid

    def inside(self, path):
        """A path as the daemon sees it."""
        return f"/proc/{self.spid.process.pid}/root{path}"

    def lines(self, path=None):
        """The whole lines of the events so far; each must be JSON."""
        try:
            with open(path or self.eve) as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def find(self, kind, path=None, **wanted):
        """Those of this type with these fields; spid__x is x in `spid`."""
        def fits(event):
            for key, value in wanted.items():
                part = event
                for name in key.split("__"):
                    part = part.get(name) if isinstance(part, dict) else None
                if part != value:
                    return False
            return True
        return [event for event in self.lines(path) if event["event_type"] == kind and fits(event)]

    def wait_for(self, kind, path=None, seconds=20, **wanted):
        return wait_until(lambda: self.find(kind, path, **wanted), seconds, f"an event {kind} with {wanted}")[0]

    def works(self):
        """What is allowed passes."""
        status, text, _ = self.lab.get(f"http://{SERVER4}:82/", seconds=10)
        self.assertEqual((status, text), (0, "hello from server\n"))

    def deny(self, count=1):
        """Sends datagrams that are denied; waits until they are."""
        before = self.denied()
        self.assertEqual(self.lab.python("client", SCATTER, SERVER4, str(count)).returncode, 0)
        wait_until(lambda: self.denied() >= before + count, 20, "the denied packets")

    def denied(self):
        return self.spid.ask("status")[0]["verdicts"]["deny"]

    def log_of(self, to):
        return next(log for log in self.spid.ask("status")[0]["logs"] if log["to"] == to)

    def hold(self, port):
        process = subprocess.Popen([*self.lab.entries["client"], sys.executable, "-c", HOLD, SERVER4, str(port)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        self.assertEqual(process.stdout.readline(), "open\n")
        return process

    def let_go(self, process, word):
        process.communicate(word + "\n", timeout=20)

    def listen(self, name):
        path = os.path.join(self.lab.folder, name)
        if os.path.lexists(path):
            os.unlink(path)
        reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        reader.bind(path)
        os.chmod(path, 0o666)
        reader.settimeout(20)
        self.sockets.append(name)
        setattr(self, name, reader)
        return reader

    def close_socket(self, name):
        getattr(self, name).close()

    def told(self, reader, kind, **wanted):
        """The next datagram that is such an event."""
        while True:
            text = reader.recv(8192).decode()
            event = json.loads(text[text.index("{"):]) if "{" in text else {}
            if event.get("event_type") == kind and all(event.get(key) == value for key, value in wanted.items()):
                return text, event

    # ---- what is told ----

    def test_flows_begin_and_end(self):
        self.start(f'log to "{self.eve}"')
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        begin = self.wait_for("flow", dest_port=80, spid__event="start")
        end = self.wait_for("flow", dest_port=80, spid__event="end")
        self.assertEqual(begin["flow_id"], end["flow_id"])
        for event in (begin, end):
            self.assertEqual((event["src_ip"], event["dest_ip"], event["proto"], event["in_iface"]), (CLIENT4, SERVER4, "TCP", "eth1"))
            self.assertEqual((event["spid"]["name"], event["spid"]["out_iface"]), ("web", "eth0"))
            self.assertEqual(event["spid"]["rule"], "lab.rules:%d" % (5 if "/" not in event["spid"]["rule"] else 0)
                             if "/" not in event["spid"]["rule"] else os.path.join(self.lab.folder, "lab.rules:5"))
        self.assertEqual((begin["flow"]["state"], begin["spid"]["state"], begin["flow"]["pkts_toserver"]), ("new", "new", 1))
        flow = end["flow"]
        self.assertEqual((flow["state"], flow["reason"], end["spid"]["state"]), ("closed", "closed", "time-wait"))
        self.assertGreater(flow["pkts_toserver"], 3)
        self.assertGreater(flow["pkts_toclient"], 2)
        self.assertGreater(flow["bytes_toclient"], len("hello from server\n"))
        self.assertLessEqual(flow["start"], flow["end"])
        self.assertEqual(flow["age"], 0)

    def test_flows_of_other_protocols(self):
        self.start(f'log to "{self.eve}"')
        self.assertTrue(self.lab.ping(SERVER6))
        self.assertEqual(self.lab.udp(SERVER6, 5300), "answer")
        ping = self.wait_for("flow", proto="IPv6-ICMP", spid__event="end")
        self.assertEqual((ping["src_ip"], ping["dest_ip"], ping["icmp_type"]), (CLIENT6, SERVER6, 128))
        self.assertEqual((ping["flow"]["pkts_toserver"], ping["flow"]["pkts_toclient"], ping["flow"]["reason"]), (1, 1, "timeout"))
        echo = self.wait_for("flow", proto="UDP", dest_port=5300, spid__event="end")
        self.assertEqual((echo["flow"]["state"], echo["flow"]["bytes_toserver"], echo["flow"]["bytes_toclient"]), ("established", 53, 53))

    def test_an_end_has_its_reason(self):
        self.start(f'log to "{self.eve}"', options=())
        reset, killed, kept = self.hold(81), self.hold(80), self.hold(81)
        ids = [flow["flow_id"] for flow in wait_until(lambda: (lambda f: f if len(f) == 3 else None)(self.find("flow", spid__event="start")),
                                                      20, "three flows")]
        self.let_go(reset, "reset")
        self.wait_for("flow", flow_id=ids[0], spid__event="end", flow__reason="reset", flow__state="closed")
        # Rules that have a pick-up time only deny what was killed; its end is told at once all the same.
        self.assertEqual(self.spid.ctl("kill", f"{CLIENT4} to any tcp 80").returncode, 0)
        self.wait_for("flow", flow_id=ids[1], spid__event="end", flow__reason="killed", flow__state="established")
        text = RULES.format(places=f'log to "{self.eve}"', rate="10/s").replace("tcp 81, ", "")
        self.spid.reload(text.replace("timeout ", "timeout tcp.established 2s, "))
        self.let_go(kept, "close")
        self.spid.ctl("kill", f"{CLIENT4} to any tcp 81")
        self.let_go(killed, "close")

    def test_no_flow_where_the_rule_logs_none(self):
        self.start(f'log to "{self.eve}"')
        self.works()
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        self.wait_for("flow", dest_port=80, spid__event="end")
        self.assertEqual(self.find("flow", dest_port=82), [])

    def test_drops_and_anomalies(self):
        self.start(f'log to "{self.eve}"')
        self.lab.udp(SERVER4, 7777, seconds=0.1)
        self.assertEqual(self.lab.udp(SERVER4, 99), "EHOSTUNREACH")
        self.lab.python("client", TCP_PACKET, CLIENT4, SERVER4, "80", "0x03")
        self.lab.python("client", TCP_PACKET, CLIENT4, SERVER4, "80", "0x04")
        drop = self.wait_for("drop", dest_port=7777)
        self.assertEqual((drop["src_ip"], drop["dest_ip"], drop["proto"], drop["in_iface"]), (CLIENT4, SERVER4, "UDP", "eth1"))
        self.assertEqual((drop["drop"]["len"], drop["drop"]["reason"]), (33, "default"))
        self.assertEqual((drop["spid"]["action"], drop["spid"]["state"], drop["spid"]["rule"]), ("deny", "new", None))
        reject = self.wait_for("drop", dest_port=99)
        self.assertEqual((reject["spid"]["action"], reject["spid"]["name"], reject["drop"]["reason"]), ("reject", "no-99", "rule"))
        anomaly = self.wait_for("anomaly", anomaly__event="tcp-flags")
        self.assertEqual((anomaly["src_port"], anomaly["dest_port"], anomaly["anomaly"]["type"]), (40000, 80, "stream"))
        lone = self.wait_for("drop", drop__reason="tcp-no-connection")
        self.assertEqual((lone["drop"]["rst"], lone["drop"]["syn"], lone["spid"]["state"]), (True, False, "invalid"))

    def test_audits_are_alerts(self):
        rules = RULES.format(places=f'log to "{self.eve}"', rate="10/s").replace("reject", 'audit lan to any tcp 82 new as "seen"\nreject')
        rules = rules.replace("allow lan to any tcp 82", "").replace("default", "allow lan to any tcp 82\ndefault")
        self.spid = self.lab.spid(rules, prefix=self.prefix())
        self.works()
        alert = self.wait_for("alert", dest_port=82)
        self.assertEqual((alert["alert"]["signature"], alert["alert"]["action"], alert["alert"]["category"]), ("seen", "allowed", "audit"))
        self.assertEqual((alert["spid"]["name"], alert["spid"]["action"]), ("seen", "allow"))

    def test_what_is_above_the_rate_is_summed_up(self):
        self.start(f'log to "{self.eve}"', rate="5/s", options=("-q", "0-1"))
        # Datagrams of two address pairs come through two queues; the rate is one.
        self.deny(300)
        self.lab.python("client", SCATTER.replace("AF_INET", "AF_INET6"), SERVER6, "300")
        wait_until(lambda: self.denied() >= 600, 20, "600 denied packets")
        denied = lambda: self.denied() - len(self.find("drop", spid__reason="default"))
        left_out = lambda: sum(event["stats"]["left_out"] for event in self.lines()
                               if event["event_type"] == "stats" and "left_out" in event["stats"])
        wait_until(lambda: left_out() == denied(), 20, "the sum")
        self.assertGreaterEqual(len(self.find("drop")), 5)
        self.assertGreater(left_out(), 400)

    def test_figures(self):
        self.start(f'log to "{self.eve}"')
        self.works()
        self.deny(3)
        stats = wait_until(lambda: [e for e in self.find("stats") if "uptime" in e["stats"]], 20, "figures")[0]
        self.assertEqual(set(stats["stats"]), {"uptime", "capture", "decoder", "flow", "ips"})
        self.assertEqual(stats["spid"]["generation"], 1)
        if os.environ.get("SPID_LAB_LONG"):
            later = wait_until(lambda: [e for e in self.find("stats") if e["stats"].get("uptime", 0) >= 60], 90, "later figures")[0]
            self.assertGreaterEqual(later["stats"]["ips"]["blocked"], 3)
            self.assertGreater(later["stats"]["ips"]["accepted"], 0)

    def test_a_reload_goes_to_other_places(self):
        other = self.eve.replace(".json", "-other.json")
        self.start(f'log to "{self.eve}"')
        self.deny()
        self.wait_for("drop")
        self.spid.reload(RULES.format(places=f'log to "{other}"\nlog packets to "{self.packets}"', rate="10/s"))
        before = len(self.lines())
        self.deny()
        self.wait_for("drop", path=other)
        self.assertEqual(len(self.lines()), before)
        wait_until(lambda: os.path.getsize(self.packets) > 200, 20, "a packet")
        self.spid.reload(RULES.format(places="", rate="10/s"))
        before = len(self.lines(other))
        self.deny()
        self.spid.wait_for("deny new default")
        self.assertEqual(len(self.lines(other)), before)

    # ---- packets ----

    def test_denied_packets_with_their_reasons(self):
        self.start(f'log packets to "{self.packets}"')
        self.lab.udp(SERVER4, 7777, seconds=0.1)
        self.lab.python("client", TCP_PACKET, CLIENT4, SERVER4, "80", "0x03")
        self.lab.udp(SERVER6, 99)
        self.works()
        found = wait_until(lambda: (lambda f: f if len(f) >= 3 else None)(os.path.exists(self.packets) and epb_comments(self.packets) or []),
                           20, "three packets")
        comments = "\n".join(comment for _, comment in found)
        self.assertRegex(comments, r"(?m)^default: deny new default udp .*:7777 length 33 in eth1 out eth0$")
        self.assertRegex(comments, r"(?m)^tcp-flags: deny invalid tcp-flags tcp FS ")
        self.assertRegex(comments, r'(?m)^rule: reject new rule \S+lab.rules:8 "no-99" udp ')
        self.assertEqual({packet[0] >> 4 for packet, _ in found}, {4, 6})
        self.spid.stop()
        # Started again the daemon adds to the file.
        self.start(f'log packets to "{self.packets}"')
        self.deny(5)
        wait_until(lambda: len(epb_comments(self.packets)) >= len(found) + 5, 20, "more packets")
        done = subprocess.run(["tcpdump", "-nr", self.packets], capture_output=True, text=True)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, len(epb_comments(self.packets))), done.stderr)
        if shutil.which("tshark") is None:
            self.skipTest("tshark is missing: it has not read the comments")
        done = subprocess.run(["tshark", "-r", self.packets, "-T", "fields", "-e", "frame.comment", "-e", "frame.len"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("default: deny new default udp", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), len(epb_comments(self.packets)))

    # ---- files ----

    def test_a_file_is_opened_anew(self):
        self.start(f'log to "{self.eve}"', f'log packets to "{self.packets}"')
        self.deny()
        self.wait_for("drop")
        wait_until(lambda: len(epb_comments(self.packets)) >= 1, 20, "a packet")
        for path in (self.eve, self.packets):
            os.rename(path, path + ".1")
        first = len(self.find("drop", path=self.eve + ".1"))
        self.spid.process.send_signal(signal.SIGUSR1)
        self.spid.wait_for("2 log files are opened anew")
        wait_until(lambda: os.path.exists(self.eve) and os.path.exists(self.packets), 20, "new files")
        self.deny(2)
        self.wait_for("drop")
        wait_until(lambda: len(epb_comments(self.packets)) >= 2, 20, "packets in the new file")
        self.assertEqual(len(self.find("drop", path=self.eve + ".1")), first)

    @unittest.skipUnless(shutil.which("logrotate", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"), "logrotate is missing")
    def test_logrotate(self):
        folder = os.path.join(self.lab.folder, "rotated")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        self.eve = os.path.join(folder, "eve.json")
        self.start(f'log to "{self.eve}"')
        self.deny()
        self.wait_for("drop")
        with open(os.path.join(os.environ.get("srcdir", "."), "etc/spid.logrotate")) as file:
            text = file.read()
        self.assertIn("/var/log/spid/", text)
        self.assertIn("systemctl", text)
        text = text.replace("/var/log/spid/", folder + "/")
        begin, end = text.index("postrotate") + len("postrotate"), text.index("endscript")
        text = text[:begin] + f"\nkill -USR1 {self.spid.process.pid}\n" + text[end:]
        config = os.path.join(folder, "logrotate")
        with open(config, "w") as file:
            file.write(text)
        done = subprocess.run(["logrotate", "-f", "-s", config + ".state", config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.spid.wait_for("log files are opened anew")
        wait_until(lambda: os.path.exists(self.eve), 20, "a new file")
        self.deny()
        self.wait_for("drop")
        self.assertTrue(any(name.startswith("eve.json") and name != "eve.json" for name in os.listdir(folder)))

    def test_a_full_disk(self):
        small = os.path.join(self.lab.folder, "small")
        self.start(f'log to "{small}/eve.json"', f'log packets to "{small}/denied.pcapng"', rate="1000/s")
        eve = self.inside(f"{small}/eve.json")
        self.deny()
        self.wait_for("drop", path=eve)
        with open(self.inside(f"{small}/filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 1000)
            except OSError:
                pass
        self.deny(400)
        self.spid.wait_for(f"log to {small}/eve.json: No space left on device")
        self.spid.wait_for(f"log to {small}/denied.pcapng: No space left on device")
        self.assertEqual(self.log_of(f"{small}/eve.json")["error"], "No space left on device")
        self.assertIn("not working: No space left on device", self.spid.ctl("status").stdout)
        self.works()
        os.unlink(self.inside(f"{small}/filler"))
        self.spid.wait_for(f"log to {small}/eve.json works again")
        self.spid.wait_for(f"log to {small}/denied.pcapng works again")
        self.assertEqual(self.spid.log().count("eve.json: No space left"), 1)
        # Every line is whole, and so is every packet.
        self.assertGreater(len(self.find("drop", path=eve)), 5)
        self.assertGreater(len(epb_comments(self.inside(f"{small}/denied.pcapng"))), 5)
        self.works()

    def test_a_folder_that_is_removed(self):
        folder = os.path.join(self.lab.folder, "logs")
        os.makedirs(folder)
        self.start(f'log to "{folder}/eve.json"')
        self.deny()
        self.wait_for("drop", path=f"{folder}/eve.json")
        shutil.rmtree(folder)
        self.deny()
        self.spid.wait_for(f"log to {folder}/eve.json: No such file or directory")
        self.works()
        os.makedirs(folder)
        self.spid.wait_for(f"log to {folder}/eve.json works again; 0 were lost")
        self.wait_for("drop", path=f"{folder}/eve.json")

    def test_a_start_without_the_folder(self):
        folder = os.path.join(self.lab.folder, "later")
        self.start(f'log to "{folder}/eve.json"')
        self.spid.wait_for(f"log to {folder}/eve.json: No such file or directory")
        self.works()

    def test_a_pipe_that_nobody_reads(self):
        pipe = os.path.join(self.lab.folder, "pipe")
        os.mkfifo(pipe)
        self.start(f'log to "{pipe}"', rate="100000/s")
        self.spid.wait_for(f"log to {pipe}: nobody reads the pipe")
        self.deny(6000)
        self.works()
        wait_until(lambda: self.log_of(pipe)["lost"] > 0, 20, "lost events")
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        text = b""
        def read():
            nonlocal text
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            return "works again" in self.spid.log()
        wait_until(read, 30, "what has waited")
        # He falls asleep: that is said, too.
        self.deny(3000)
        self.spid.wait_for(f"log to {pipe}: its reader does not read")
        self.works()
        os.close(reader)
        events = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
        self.assertGreater(len(events), 100)
        metrics = self.spid.ctl("metrics").stdout
        self.assertRegex(metrics, r'spid_log_lost_total\{to="[^"]*/pipe",what="events"\} [1-9]')
        self.assertRegex(metrics, r'spid_log_working\{to="[^"]*/pipe",what="events"\} [01]\n')

    # ---- sockets ----

    def test_syslog(self):
        reader = self.listen("syslog")
        self.start("log to syslog", rate="1000/s")
        self.deny()
        text, event = self.told(reader, "drop")
        self.assertRegex(text, r"^<30>[A-Z][a-z][a-z] [ 0-9]\d \d\d:\d\d:\d\d spid\[%d\]: \{.*\}$" % self.spid.process.pid)
        self.assertEqual(event["dest_port"], 10000)
        # He is there and does not read.
        self.deny(100)
        self.spid.wait_for("log to syslog: its reader does not read")
        self.works()
        while "log to syslog works again; 0 were lost" not in self.spid.log():
            reader.recv(8192)
        # He dies.
        reader.close()
        self.deny()
        self.spid.wait_for("log to syslog: Connection refused")
        self.works()
        before = len(self.spid.log())
        reader = self.listen("syslog")
        self.told(reader, "drop")
        self.spid.wait_for("log to syslog works again", after=before)

    def test_no_syslog_at_all(self):
        path = os.path.join(self.lab.folder, "syslog")
        if os.path.lexists(path):
            os.unlink(path)
        self.start("log to syslog")
        self.spid.wait_for("log to syslog: No such file or directory")
        self.works()

    def test_journal(self):
        reader = self.listen("journal")
        self.start("log to journal")
        self.deny()
        while True:
            fields = dict(line.split("=", 1) for line in reader.recv(8192).decode().splitlines())
            event = json.loads(fields["MESSAGE"])
            if event["event_type"] == "drop":
                break
        self.assertEqual((fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]), ("6", "spid"))
        self.assertEqual(event["src_ip"], CLIENT4)

    def test_the_daemons_own_log_waits_for_nobody(self):
        reader = self.listen("syslog")
        rules, pidfile = os.path.join(self.lab.folder, "own.rules"), os.path.join(self.lab.folder, "own.pid")
        control = os.path.join(self.lab.folder, "own.sock")
        with open(rules, "w") as file:
            file.write(RULES.format(places="", rate="10/s"))
        spid = os.path.join(self.lab.build, "spid")
        done = self.lab.run("gateway", *self.prefix(), spid, "-c", rules, "-S", control, "-v", "--pidfile", pidfile)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(pidfile) as file:
            pid = int(file.read())
        ask = lambda *words: self.lab.run("gateway", os.path.join(self.lab.build, "spidctl"), "-S", control, *words, timeout=20)
        try:
            # With -v each packet is a line: far more than the socket takes.
            for _ in range(20):
                self.works()
            self.assertEqual(ask("status").returncode, 0)
            seen = ""
            def read():
                nonlocal seen
                self.lab.ping(SERVER4)
                reader.settimeout(0.2)
                try:
                    while True:
                        seen += reader.recv(8192).decode() + "\n"
                except TimeoutError:
                    return "were lost: nobody read it" in seen
            wait_until(read, 30, "the sum of the lost lines")
            self.assertRegex(seen, r"(?m)^<2\d>.* spid\[%d\]: \d+ lines of this log were lost: nobody read it$" % pid)
            reader.close()
            self.works()
            self.assertEqual(ask("status").returncode, 0)
        finally:
            os.kill(pid, signal.SIGINT)
            wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), 20, "the daemon's end")


if __name__ == "__main__":
    lab_module.main(Events)
