#!/usr/bin/env python3
"""The lab: events as lines of JSON, and denied packets as pcapng with their reasons."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from event_lab import RULES, SCATTER, EventLab, epb_comments
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, wait_until

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

# Opens a connection and says so; reads a line, then closes or resets it.
HOLD = """
import socket, struct, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
print("open", flush=True)
if "reset" in sys.stdin.readline():
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
"""

# A datagram ten times a second from one port.
TALK = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
while True:
    try:
        s.send(b"x")
    except OSError:
        pass
    time.sleep(0.1)
"""


class Events(EventLab):
    def hold(self, port):
        process = subprocess.Popen([*self.lab.entries["client"], sys.executable, "-c", HOLD, SERVER4, str(port)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        self.assertEqual(process.stdout.readline(), "open\n")
        return process

    def let_go(self, process, word):
        process.communicate(word + "\n", timeout=20)

    def test_flows_begin_and_end(self):
        self.start(f'log to "{self.eve}"')
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        begin = self.wait_for("flow", dest_port=80, spid__event="start")
        end = self.wait_for("flow", dest_port=80, spid__event="end")
        self.assertEqual(begin["flow_id"], end["flow_id"])
        for event in (begin, end):
            self.assertEqual((event["src_ip"], event["dest_ip"], event["proto"], event["in_iface"]), (CLIENT4, SERVER4, "TCP", "eth1"))
            self.assertEqual((event["spid"]["name"], event["spid"]["out_iface"]), ("web", "eth0"))
            self.assertEqual(event["spid"]["rule"], os.path.join(self.lab.folder, "lab.rules:5"))
        self.assertEqual((begin["flow"]["state"], begin["spid"]["state"], begin["flow"]["pkts_toserver"]), ("new", "new", 1))
        flow = end["flow"]
        self.assertEqual((flow["state"], flow["reason"], end["spid"]["state"]), ("closed", "closed", "time-wait"))
        self.assertGreater(flow["pkts_toserver"], 3)
        self.assertGreater(flow["pkts_toclient"], 2)
        self.assertGreater(flow["bytes_toclient"], len("hello from server\n"))
        self.assertLessEqual(flow["start"], flow["end"])
        self.assertEqual(flow["age"], 0)

    def test_a_long_flow_has_all_of_its_bytes(self):
        size = 32 << 20
        self.lab.web("server", 8080, size=size)
        self.spid = self.lab.spid(RULES.format(places=f'log to "{self.eve}"', rate="10/s").replace("tcp 80 as", "tcp 8080 as"),
                                  prefix=self.prefix())
        self.assertEqual(self.lab.run("client", "curl", "-s", "-o", "/dev/null", f"http://{SERVER4}:8080/file").returncode, 0)
        end = self.wait_for("flow", dest_port=8080, spid__event="end")
        self.assertGreater(end["flow"]["bytes_toclient"], size)
        self.assertLess(end["flow"]["bytes_toclient"], size * 3 // 2)
        # A `log` that tells of the connection, and not of each packet, does not keep it out of the fast path.
        fastpath = self.spid.ask("status")[0]["fastpath"]
        if fastpath["on"]:
            self.assertGreater(fastpath["bytes"], 0)

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
        self.start(f'log to "{self.eve}"')
        reset, killed = self.hold(81), self.hold(80)
        flows = wait_until(lambda: (lambda found: found if len(found) == 2 else None)(self.find("flow", spid__event="start")), 20, "two flows")
        ids = {flow["dest_port"]: flow["flow_id"] for flow in flows}
        self.let_go(reset, "reset")
        self.wait_for("flow", flow_id=ids[81], spid__event="end", flow__reason="reset", flow__state="closed")
        # In the first minute what is killed is only denied; its end is told at once all the same.
        self.assertEqual(self.spid.ctl("kill", f"{CLIENT4} to any tcp 80").returncode, 0)
        self.wait_for("flow", flow_id=ids[80], spid__event="end", flow__reason="killed", flow__state="established")
        self.let_go(killed, "close")

    def test_an_end_by_a_reload(self):
        rules = RULES.format(places=f'log to "{self.eve}"', rate="10/s").replace("udp.replied 1s", "udp.replied 5s")
        self.spid = self.lab.spid(rules, prefix=self.prefix())
        talker = self.lab.start("client", sys.executable, "-c", TALK, SERVER4, "5300")
        begun = self.wait_for("flow", dest_port=5300, spid__event="start")
        self.spid.reload(rules.replace("udp 5300, ", ""))
        ended = self.wait_for("flow", flow_id=begun["flow_id"], spid__event="end")
        talker.kill()
        self.assertEqual((ended["flow"]["reason"], ended["flow"]["state"]), ("reload", "established"))
        self.assertGreater(ended["flow"]["pkts_toclient"], 0)

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
        self.lab.python("client", TCP_PACKET, CLIENT4, SERVER4, "7778", "0x04")
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

    def test_more_denied_packets_than_are_written_are_counted(self):
        self.start(f'log packets to "{self.packets}"')
        left_out = lambda status: sum(queue["packets_left_out"] for queue in status["queues"])
        def flood():
            self.deny(5000)
            return left_out(self.spid.ask("status")[0]) > 0
        wait_until(flood, 30, "more packets than are written")
        def all_counted():
            status = self.spid.ask("status")[0]
            return status["logs"][0]["written"] + left_out(status) == status["verdicts"]["deny"]
        wait_until(all_counted, 20, "every packet written or counted")

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


if __name__ == "__main__":
    lab_module.main(Events)
