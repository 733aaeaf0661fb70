#!/usr/bin/env python3
"""The lab: what spidctl tells of packets and verdicts: the last drops, verdicts as they happen, the figures for monitoring."""
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exposition
import lab as lab_module
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, LabTest, wait_until

RULES = """zone lan = eth1
zone wan = eth0
set names = dns "nobody.invalid"
deny lan to any tcp 25 as "no\\smtp"
reject lan to any udp 99
deny lan to names
allow lan to any tcp 21 alg ftp as "ftp"
allow lan to any tcp 80, udp 5300, icmp 8, icmp6 128 as "web"
"""
SMTP, REJECT, FTP, WEB = ("lab.rules:%d" % line for line in (4, 5, 7, 8))

SMTP_NAME = "no\\smtp"

# Says what an FTP server says, and nothing of it can be relied on.
FTP_SERVER = """
import socket, sys
s = socket.create_server(("0.0.0.0", 21))
open(sys.argv[1], "w").close()
while True:
    c, _ = s.accept()
    c.send(b"220 ready\\r\\n")
    while c.recv(1000):
        c.send(b"200 fine\\r\\n")
"""

FTP_BOUNCE = """
import socket, sys
s = socket.create_connection((sys.argv[1], 21), 5)
s.recv(100)
s.send(b"PORT 192,168,10,99,23,112\\r\\n")
"""

# Datagrams, so many, as fast as can be.
FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[3])):
    s.sendto(b"x" * 20, (sys.argv[1], int(sys.argv[2])))
"""


class Drops(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.udp_echo("server", 5300)
        ready = os.path.join(cls.lab.folder, "ftp-ready")
        cls.lab.start("server", sys.executable, "-c", FTP_SERVER, ready)
        wait_until(lambda: os.path.exists(ready), what="the FTP server")
        cls.spid = cls.lab.spid(RULES)

    def setUp(self):
        self.assertIsNone(self.spid.process.poll())

    def drops(self, *words):
        done = self.spid.ctl("--json", "drops", *words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)["drops"]

    def connect(self, address, port):
        """One SYN: curl waits for an answer that does not come."""
        self.lab.get(f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/", seconds=1)

    # ---- drops ----

    def test_a_drop_has_its_reason_rule_and_headers(self):
        before = time.time()
        self.connect(SERVER4, 25)
        last = self.drops("-n", "1")[0]
        self.assertTrue(before - 1 < last.pop("time") < time.time() + 1)
        self.assertTrue(last.pop("sport") > 1023 and last.pop("connection") is None and last.pop("length") >= 40)
        self.assertTrue(last.pop("rule").endswith(SMTP))
        self.assertEqual(last, {"verdict": "deny", "state": "new", "reason": "rule", "name": SMTP_NAME, "parent": None,
                                "src": CLIENT4, "dst": SERVER4, "dport": 25, "proto": "tcp", "flags": "S", "in": "eth1", "out": "eth0"})
        self.connect(SERVER6, 8080)
        text = self.spid.ctl("drops", "-n", "1").stdout
        self.assertRegex(text, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} deny   new         default  tcp S "
                               rf"\[{CLIENT6}\]:\d+ > \[{SERVER6}\]:8080 length 80 in eth1 out eth0\n$")

    def test_a_reject_an_icmp_type_and_a_refused_command(self):
        self.assertEqual(self.lab.udp(SERVER4, 99), "EHOSTUNREACH")
        last = self.drops("-n", "1")[0]
        self.assertEqual([last[key] for key in ("verdict", "proto", "dport")], ["reject", "udp", 99])
        self.lab.run("server", "ping", "-c1", "-W1", CLIENT4)
        last = self.drops("-n", "1")[0]
        self.assertEqual([last[key] for key in ("proto", "type", "sport", "in", "reason")], ["icmp", 8, None, "eth0", "default"])
        self.lab.python("client", FTP_BOUNCE, SERVER4)
        refused = [drop for drop in self.drops() if drop["reason"] == "alg"][-1]
        self.assertEqual(refused["detail"], "PORT or EPRT to a host that is not the client")
        self.assertGreater(refused["connection"], 0)
        self.assertIn("alg (PORT or EPRT to a host that is not the client)", self.spid.ctl("drops").stdout)

    def test_the_last_ones_and_not_more(self):
        self.lab.python("client", FLOOD, SERVER4, "7", "20000")
        for port in (7001, 7002, 7003):
            self.lab.udp(SERVER4, port, seconds=0.1)
        # Others may send something once more meanwhile: a refused command of FTP.
        self.assertEqual([drop["dport"] for drop in self.drops() if drop["proto"] == "udp"][-3:], [7001, 7002, 7003])
        self.assertEqual(len(self.drops("-n", "3")), 3)
        self.assertEqual(len(self.drops()), 20)
        every = self.drops("-n", "1000")
        workers = len(self.spid.ask("status")[0]["queues"])
        self.assertTrue(256 <= len(every) <= 256 * workers, len(every))
        self.assertEqual([drop["time"] for drop in every], sorted(drop["time"] for drop in every))
        for words, what in ((("-n", "0"), "1 to 1000"), (("-n", "1001"), "1 to 1000"), (("-n", "x"), "no number"), (("all",), "-n N")):
            done = self.spid.ctl("drops", *words)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(what, done.stderr)

    def test_a_drop_keeps_its_rule_when_that_has_moved_and_loses_it_when_it_is_gone(self):
        self.connect(SERVER4, 25)
        self.spid.reload("\n\n" + RULES)
        self.assertTrue(self.drops("-n", "1")[0]["rule"].endswith(":6"))
        self.spid.reload(RULES.replace("tcp 25", "tcp 26").replace("smtp", "none"))
        last = self.drops("-n", "1")[0]
        self.assertEqual([last["dport"], last["reason"], last["rule"], last["name"]], [25, "rule", None, None])
        self.spid.reload(RULES)

    # ---- trace ----

    def trace(self, *words):
        """A trace under way; its lines as objects go to the list that is given back with the process."""
        process = subprocess.Popen(["ip", "netns", "exec", self.lab.names["gateway"], os.path.join(self.lab.build, "spidctl"), "-S",
                                    self.spid.socket, "--json", "trace", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.lab.processes.append(process)
        self.assertEqual(self.line(process), {"tracing": True})
        return process

    def line(self, process):
        """The next line of a trace."""
        self.assertTrue(select.select([process.stdout], [], [], 10)[0], "nothing more is told")
        return json.loads(process.stdout.readline())

    def lines(self, process):
        """Ends the trace; what it told."""
        time.sleep(0.3)
        process.terminate()
        return [json.loads(line) for line in process.communicate(timeout=10)[0].splitlines()]

    def test_verdicts_as_they_happen(self):
        trace = self.trace()
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        first = self.line(trace)
        self.assertEqual([first[key] for key in ("verdict", "state", "src", "dport", "name")], ["allow", "new", CLIENT4, 5300, "web"])
        second = self.line(trace)
        self.assertEqual([second[key] for key in ("verdict", "state", "src", "sport", "in")],
                         ["allow", "established", SERVER4, 5300, "eth0"])
        self.assertEqual(second["connection"], first["connection"])
        self.lines(trace)

    def test_only_what_the_filter_names_and_its_answers(self):
        trace = self.trace("lan", "to", SERVER4, "tcp", "80")
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        self.assertEqual(self.lab.get(f"http://[{SERVER6}]/")[0], 0)
        self.connect(SERVER4, 25)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        told = self.lines(trace)
        # At least the handshake and what comes before the fast path has the connection, where there is one.
        self.assertGreaterEqual(len(told), 4)
        self.assertEqual({line["src"] for line in told}, {CLIENT4, SERVER4})
        self.assertEqual({line["dport"] if line["src"] == CLIENT4 else line["sport"] for line in told}, {80})
        pings = self.trace("lan to any icmp 8")
        self.assertTrue(self.lab.ping(SERVER4))
        self.assertEqual([line["type"] for line in self.lines(pings)], [8, 0])
        none = self.trace("wan to any")
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        self.assertEqual(len([line for line in self.lines(none) if "left_out" in line]), 0)

    def test_a_filter_that_nobody_can_read_or_that_a_reload_ends(self):
        done = self.spid.ctl("trace", "lan to dzm")
        self.assertEqual(done.returncode, 1)
        self.assertIn("  lan to dzm\n         ^", done.stderr)
        trace = self.trace("lan to names")
        self.spid.reload(RULES.replace("set names", "set others").replace("to names", "to others"))
        self.assertIn("names", self.line(trace)["error"])
        self.assertEqual(trace.wait(10), 1)
        trace.stdout.close()
        self.spid.reload(RULES)

    def test_more_than_anybody_reads_is_left_out_and_summed_up(self):
        trace, told = self.trace("lan to any udp 7"), []
        reader = threading.Thread(target=lambda: told.extend(map(json.loads, trace.stdout)))
        reader.start()
        begin = time.monotonic()
        self.lab.python("client", FLOOD, SERVER4, "7", "20000")
        wait_until(lambda: any("left_out" in line for line in told), 30, "the sum of what was left out")
        trace.terminate()
        seconds = time.monotonic() - begin
        reader.join(10)
        trace.communicate()
        packets = sum("verdict" in line for line in told)
        left_out = sum(line.get("left_out", 0) for line in told)
        self.assertTrue(0 < packets <= 1000 * (1 + seconds), packets)
        self.assertGreater(left_out, 0)
        # Each datagram was told of, or is in the sum; what the kernel dropped on its way to spid is in neither.
        self.assertLessEqual(packets + left_out, 20000)

    def test_who_does_not_read_holds_up_nobody(self):
        request = b'{"command":"trace"}\n'
        silent = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for client in silent:
            client.connect(self.spid.socket)
            client.sendall(request)
        done = wait_until(lambda: (full := self.spid.ctl("trace", "lan to any")).returncode == 1 and full, what="the refusal of a fifth")
        self.assertIn("4 clients trace already", done.stderr)
        before = self.spid.ask("status")[0]["resident_bytes"]
        for _ in range(10):
            self.lab.python("client", FLOOD, SERVER4, "7", "5000")
            time.sleep(0.5)
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        # A sanitizer keeps what is given back for a while.
        with open(os.path.join(self.lab.build, "spid"), "rb") as program:
            most = 16 << 20 if b"__asan_init" not in program.read() else 512 << 20
        self.assertLess(self.spid.ask("status")[0]["resident_bytes"] - before, most)
        # Whoever reads on finds whole lines, not more than may wait here and in the kernel, and what he missed.
        silent[0].settimeout(3)
        got = b""
        try:
            while more := silent[0].recv(65536):
                got += more
        except TimeoutError:
            pass
        self.assertTrue(more, "the daemon has cut off who did not read")
        lines = [json.loads(line) for line in got.splitlines()]
        self.assertGreater(sum(line.get("left_out", 0) for line in lines), 1000)
        self.assertLess(len(got), 1 << 20)
        for client in silent:
            client.close()
        self.lines(wait_until(lambda: self.trace(), what="room for others"))

    def test_the_daemon_ends_while_somebody_traces(self):
        trace = self.trace()
        self.assertEqual(self.spid.stop(), 0)
        self.assertEqual(trace.wait(10), 1)
        trace.stdout.close()
        type(self).spid = self.lab.spid(RULES)

    # ---- metrics ----

    def metrics(self, *words):
        done = self.spid.ctl("metrics", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return exposition.read(done.stdout, openmetrics=bool(words)), done.stdout

    def of(self, samples, name, /, **labels):
        """The sum of the samples that have these labels."""
        return sum(value for has, value in samples[name].items() if set(labels.items()) <= has)

    def test_the_figures(self):
        before, _ = self.metrics()
        self.connect(SERVER4, 25)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        after, text = self.metrics()
        status = self.spid.ask("status")[0]

        def grown(name, /, **labels):
            return self.of(after, name, **labels) - self.of(before, name, **labels)
        # Hosts send what nobody asked them to, too.
        self.assertTrue(1 <= grown("spid_rule_packets_total", name=SMTP_NAME) <= grown("spid_verdicts_total", action="deny") < 30)
        self.assertGreater(grown("spid_reasons_total", reason="rule"), 5)
        self.assertEqual(grown("spid_rule_connections_total", name="web"), 1)
        self.assertGreater(grown("spid_rule_bytes_total", name="web", action="allow"), 200)
        self.assertGreater(grown("spid_judged_bytes_total"), grown("spid_rule_bytes_total", name="web"))
        self.assertTrue(1 <= grown("spid_connections_opened_total") < 10)
        self.assertAlmostEqual(grown("spid_queue_packets_total") + grown("spid_fastpath_packets_total"), grown("spid_verdicts_total"),
                               delta=30)
        self.assertEqual(self.of(after, "spid_ruleset_generation"), status["generation"])
        self.assertEqual(self.of(after, "spid_connections_limit"), status["table"]["limit"])
        self.assertTrue(0 < self.of(after, "spid_uptime_seconds") <= status["uptime"])
        self.assertGreater(self.of(after, "spid_resident_memory_bytes"), 1 << 20)
        self.assertEqual(self.of(after, "spid_dns_set_filled", set="names"), 0)
        self.assertEqual(len(after["spid_queue_depth"]), len(status["queues"]))
        places = {dict(labels)["rule"].rsplit("/", 1)[-1] for labels in after["spid_rule_packets_total"]}
        self.assertLessEqual({SMTP, REJECT, FTP, WEB, "default"}, places)
        self.assertIn(r'name="no\\smtp"', text)
        with open(os.path.join(os.environ.get("srcdir", "."), "src/packet/reasons.def")) as file:
            reasons = set(re.findall(r'^REASON\(\w+, "([a-z-]+)"', file.read(), re.M))
        self.assertEqual({dict(labels)["reason"] for labels in after["spid_reasons_total"]}, reasons)

    def test_rules_on_trial(self):
        def trial():
            samples, _ = self.metrics()
            return [self.of(samples, "spid_ruleset_" + name) for name in ("on_trial", "rolled_back")]
        self.assertEqual(trial(), [0, 0])
        self.assertEqual(self.spid.ctl("reload", "--confirm", "60").returncode, 0)
        self.assertEqual(trial(), [1, 0])
        self.assertEqual(self.spid.ctl("rollback").returncode, 0)
        self.assertEqual(trial(), [0, 1])
        self.spid.reload(RULES)
        self.assertEqual(trial(), [0, 0])

    def test_both_forms_say_the_same(self):
        older, _ = self.metrics()
        newer, text = self.metrics("openmetrics")
        self.assertEqual({name: set(samples) for name, samples in older.items()}, {name: set(samples) for name, samples in newer.items()})
        self.assertIn("# TYPE spid_rule_bytes counter\n# UNIT spid_rule_bytes bytes\nspid_rule_bytes_total{", text)
        self.assertEqual(self.spid.ctl("metrics", "xml").returncode, 2)

    def test_promtool_has_nothing_to_say(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (Debian: prometheus)")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics()[1], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_file_included_twice_has_each_rule_once(self):
        part = os.path.join(self.lab.folder, "part.rules")
        with open(part, "w") as file:
            file.write("allow lan to any tcp 81\n")
        self.spid.reload(RULES + 'include "part.rules"\n' * 2)
        samples, _ = self.metrics()
        self.assertEqual(sum(dict(labels)["rule"].endswith("part.rules:1") for labels in samples["spid_rule_packets_total"]), 2)
        self.spid.reload(RULES)


if __name__ == "__main__":
    lab_module.main(Drops)
