#!/usr/bin/env python3
"""The lab: what happens when something fails, for real and in rehearsal; how the daemon is ended; what goes on being counted."""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, SERVER6, LabTest, wait_until

ZONES = "zone lan = eth1\nzone wan = eth0\nqueue 5\n"
SLOW = "fastpath off\n"
ALLOW = "allow lan to any tcp 80\nallow lan to any udp 7\n"
ALLOWED, FORBIDDEN = 7, 9

# Counts datagrams of the client, and tells everybody else how many.
SINK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(("0.0.0.0", int(sys.argv[1])))
open(sys.argv[2], "w").close()
count = 0
while True:
    data, peer = s.recvfrom(100)
    if peer[0] == "127.0.0.1":
        s.sendto(str(count).encode(), peer)
    else:
        count += 1
"""

# Asks it; what has come before is counted by then.
SUNK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
while True:
    s.sendto(b"?", ("127.0.0.1", int(sys.argv[1])))
    try:
        print(s.recv(100).decode())
        break
    except TimeoutError:
        pass
"""

# So many datagrams, as fast as they go.
FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[3])):
    s.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
"""

# A dialogue, a line for each line of standard input; says what came back. It waits for as long as TCP does.
DIALOGUE = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=40)
f = s.makefile("rw", newline="\\n")
print("open", flush=True)
for line in sys.stdin:
    f.write(line); f.flush()
    print(f.readline().strip(), flush=True)
"""

# Gives back each line.
LINES = """
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True
with Server(("0.0.0.0", int(sys.argv[1])), Handler) as server:
    open(sys.argv[2], "w").close()
    server.serve_forever()
"""


class Dialogue:
    def __init__(self, lab, port):
        self.process = subprocess.Popen([*lab.entries["client"], sys.executable, "-c", DIALOGUE, SERVER4, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)
        self.is_open = self.process.stdout.readline() == "open\n"

    def say(self, line):
        print(line, file=self.process.stdin, flush=True)

    def hear(self):
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Failure(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fast = cls.lab.mount_bpf()
        cls.lab.web("server", 80)
        cls.lab.udp_echo("server", ALLOWED)
        ready = os.path.join(cls.lab.folder, "sink")
        cls.lab.start("server", sys.executable, "-c", SINK, str(FORBIDDEN), ready)
        wait_until(lambda: os.path.exists(ready), what="the sink")
        for port in (21, 25):
            ready = os.path.join(cls.lab.folder, f"lines-{port}")
            cls.lab.start("server", sys.executable, "-c", LINES, str(port), ready)
            wait_until(lambda: os.path.exists(ready), what="the server of lines")

    def tearDown(self):
        for daemon in self.lab.daemons:
            if daemon.process.poll() is None:
                daemon.process.send_signal(signal.SIGCONT)
            daemon.stop(signal.SIGKILL)
        # Whatever a test left in the kernel goes by spid's own hand.
        self.lab.spid(ZONES).stop(signal.SIGINT)

    def with_fast_path(self, rules):
        """The daemon with a fast path, or the test is skipped."""
        if not self.fast:
            self.skipTest("no bpf file system can be mounted")
        spid = self.lab.spid(rules)
        if not spid.ask("status")[0]["fastpath"]["on"]:
            self.skipTest(spid.ask("status")[0]["fastpath"]["why"])
        return spid

    def dialogue(self, port):
        dialogue = Dialogue(self.lab, port)
        self.addCleanup(dialogue.end)
        return dialogue

    def entered(self, spid, port):
        """A dialogue that the kernel passes."""
        dialogue = self.dialogue(port)
        def passed():
            before = spid.ask("status")[0]["fastpath"]["packets"]
            dialogue.say("hello")
            self.assertEqual(dialogue.hear(), "hello")
            return spid.ask("status")[0]["fastpath"]["packets"] > before
        wait_until(passed, 30, "the fast path")
        return dialogue

    def passes(self):
        return self.lab.udp(SERVER4, ALLOWED, seconds=0.5) == "answer"

    def sunk(self):
        return int(self.lab.python("server", SUNK, str(FORBIDDEN)).stdout)

    def flood(self, port, count=1):
        self.lab.python("client", FLOOD, SERVER4, str(port), str(count))

    def queue(self):
        """(packets that wait, dropped as it was full, as its socket was); None: nobody has it."""
        text = self.lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue").stdout
        for line in text.splitlines():
            words = [int(word) for word in line.split()]
            if words[0] == 5:
                return words[2], words[5], words[6]
        return None

    def fill(self):
        """The daemon is stopped: the queue fills until there is no room, whichever of the two is full."""
        def is_full():
            waiting = self.queue()[0]
            self.flood(FORBIDDEN, 3000)
            return self.queue()[0] == waiting
        wait_until(is_full, 60, "a full queue")

    # ---- for real ----

    def test_a_full_queue_drops(self):
        spid = self.lab.spid(ZONES + SLOW + ALLOW)
        spid.process.send_signal(signal.SIGSTOP)
        before = self.sunk()
        self.fill()
        self.assertGreater(sum(self.queue()[1:]), 0)
        spid.process.send_signal(signal.SIGCONT)
        wait_until(self.passes, 30, "what is allowed")
        self.assertEqual(self.sunk(), before)
        spid.wait_for("the kernel dropped", 30)

    def test_a_full_queue_accepts(self):
        spid = self.lab.spid(ZONES + SLOW + "on overload accept\n" + ALLOW)
        self.flood(FORBIDDEN)
        spid.process.send_signal(signal.SIGSTOP)
        before = self.sunk()
        self.fill()
        wait_until(lambda: self.sunk() > before, 30, "what is forbidden")
        self.assertEqual(self.queue()[1:], (0, 0))
        spid.process.send_signal(signal.SIGCONT)
        wait_until(lambda: self.queue()[0] == 0, 30, "an empty queue")
        # From here on it is judged again.
        wait_until(self.passes, 30, "what is allowed")
        before = self.sunk()
        self.flood(FORBIDDEN, 10)
        self.assertTrue(self.passes())
        self.assertEqual(self.sunk(), before)

    def test_a_reload_changes_what_a_full_queue_does(self):
        spid = self.lab.spid(ZONES + SLOW + "on overload accept\n" + ALLOW)
        spid.reload(ZONES + SLOW + ALLOW)
        spid.process.send_signal(signal.SIGSTOP)
        before = self.sunk()
        self.fill()
        self.assertGreater(sum(self.queue()[1:]), 0)
        self.assertEqual(self.sunk(), before)

    def test_beside_a_full_queue_what_exists_goes_on(self):
        spid = self.with_fast_path(ZONES + "on overload existing\nallow lan to any tcp 25\n" + ALLOW)
        dialogue = self.entered(spid, 25)
        spid.process.send_signal(signal.SIGSTOP)
        before = self.sunk()
        self.fill()
        for number in range(20):
            dialogue.say(f"line {number}")
            self.assertEqual(dialogue.hear(), f"line {number}")
        self.assertFalse(self.passes())
        self.assertEqual(self.sunk(), before)

    def test_existing_without_a_fast_path_says_so(self):
        spid = self.lab.spid(ZONES + "hook input\non overload existing\nallow lan to self udp 7\n")
        self.assertIn("`on overload existing` needs the fast path", spid.log())

    def test_a_full_table_denies_whatever_the_words_say(self):
        spid = self.lab.spid(ZONES + SLOW + "on daemon-down accept\non overload accept\non inspect-error accept\nlimit connections 5\n"
                             "allow lan to any tcp 25\n")
        # Handshakes from before the start, picked up, may have taken a place.
        dialogues = []
        while len(dialogues) < 5 and spid.ask("status")[0]["table"]["connections"] < 5:
            dialogues.append(self.dialogue(25))
            self.assertTrue(dialogues[-1].is_open)
        code = "import socket, sys; socket.create_connection((sys.argv[1], 25), timeout=1)"
        self.assertIn("TimeoutError", self.lab.python("client", code, SERVER4).stderr)
        self.assertIn("table-full", {drop["reason"] for drop in spid.ask("drops")[0]["drops"]})
        for dialogue in dialogues:
            dialogue.say("still here")
            self.assertEqual(dialogue.hear(), "still here")

    def test_an_alg_that_cannot_go_on(self):
        rules = ZONES + SLOW + "allow lan to any tcp 21 alg ftp\n"
        spid = self.lab.spid(rules)
        heard = self.dialogue(21)
        # Longer than the largest packet: its end is in another one.
        heard.say("STOR " + 200000 * "x")
        def denied():
            return ("alg", "a message longer than the alg reads") in {(drop["reason"], drop.get("detail"))
                                                                      for drop in spid.ask("drops")[0]["drops"]}
        wait_until(denied, 20, "a denied packet")
        self.assertEqual([c["hears"] for c in spid.ask("states") if c.get("dport") == 21], ["too-long"])
        explained = spid.ctl("explain", f"{CLIENT4}@lan to {SERVER4}@wan tcp 21").stdout
        self.assertIn("denied all the same, by its alg: a message longer than the alg reads", explained)
        # TCP says it again, and now nobody minds.
        spid.reload("on inspect-error accept\n" + rules)
        self.assertEqual(heard.hear(), "STOR " + 200000 * "x")
        self.assertNotIn("denied", spid.ctl("explain", f"{CLIENT4}@lan to {SERVER4}@wan tcp 21").stdout)

    # ---- in rehearsal ----

    def is_on(self, spid):
        return spid.ask("status")[0]["rehearsal"] is not None

    def rehearse(self, spid, failure, probe):
        """Runs PROBE within a rehearsal of FAILURE, which is over when this returns; what it gave."""
        for seconds in (3, 10, 30):
            done = spid.ctl("rehearse", failure, f"{seconds}s")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{failure} is rehearsed for {seconds}.0 s, and ends by itself", done.stdout)
            result = probe()
            in_time = self.is_on(spid)
            wait_until(lambda: not self.is_on(spid), 2 * seconds + 10, "its end")
            if in_time:
                return result
        self.fail("this machine is too slow for a rehearsal of 30 s")

    def test_overload(self):
        spid = self.lab.spid(ZONES + SLOW + ALLOW)
        self.assertFalse(self.rehearse(spid, "overload", self.passes))
        self.assertTrue(self.passes())
        self.assertIn("the rehearsal of overload is over", spid.log())
        self.assertNotIn("the kernel dropped", spid.log())

    def test_overload_that_accepts(self):
        spid = self.lab.spid(ZONES + SLOW + "on overload accept\n" + ALLOW)
        before = self.sunk()
        self.rehearse(spid, "overload", lambda: (self.flood(FORBIDDEN), wait_until(lambda: self.sunk() > before, 60, "what is forbidden")))
        self.assertTrue(self.passes())
        before = self.sunk()
        self.flood(FORBIDDEN)
        self.assertTrue(self.passes())
        self.assertEqual(self.sunk(), before)

    def test_daemon_down(self):
        spid = self.lab.spid(ZONES + SLOW + "allow lan to any tcp 21 alg ftp\n" + ALLOW)
        self.assertEqual(self.rehearse(spid, "daemon-down", lambda: (self.passes(), self.queue())), (False, None))
        wait_until(lambda: self.queue() is not None, what="the queue")
        self.assertTrue(self.passes())
        # Packets come whole, too: an alg reads them.
        heard = self.dialogue(21)
        heard.say("STOR " + 1300 * "x")
        self.assertEqual(heard.hear(), "STOR " + 1300 * "x")
        self.assertEqual(spid.ask("status")[0]["queues"][0]["verdicts_refused"], 0)

    def test_daemon_down_under_a_flood(self):
        """What is on its way when the queue is left and taken is dropped, never passed."""
        spid = self.lab.spid(ZONES + SLOW + ALLOW)
        before = self.sunk()
        flood = self.lab.start("client", sys.executable, "-c", FLOOD, SERVER4, str(FORBIDDEN), "10000000")
        for _ in range(3):
            self.assertEqual(spid.ctl("rehearse", "daemon-down", "500ms").returncode, 0)
            wait_until(lambda: not self.is_on(spid), 30, "its end")
        wait_until(lambda: self.queue() is not None, 30, what="the queue")
        self.assertIsNone(flood.poll())
        flood.kill()
        wait_until(self.passes, 30, "what is allowed")
        self.assertEqual(self.sunk(), before)

    def test_daemon_down_that_accepts(self):
        spid = self.lab.spid(ZONES + SLOW + "on daemon-down accept\n" + ALLOW)
        before = self.sunk()
        self.rehearse(spid, "daemon-down", lambda: (self.flood(FORBIDDEN), wait_until(lambda: self.sunk() > before, 60, "what is forbidden")))
        wait_until(lambda: self.queue() is not None, what="the queue")
        before = self.sunk()
        self.flood(FORBIDDEN)
        self.assertTrue(self.passes())
        self.assertEqual(self.sunk(), before)

    def test_daemon_down_where_what_exists_goes_on(self):
        spid = self.with_fast_path(ZONES + "allow lan to any tcp 25\n" + ALLOW)
        dialogue = self.entered(spid, 25)
        def probe():
            dialogue.say("hello")
            return dialogue.hear(), self.passes()
        self.assertEqual(self.rehearse(spid, "daemon-down", probe), ("hello", False))
        self.assertTrue(self.passes())

    def test_daemon_down_where_nothing_goes_on(self):
        spid = self.with_fast_path(ZONES + "on daemon-down drop\nallow lan to any tcp 25\n" + ALLOW)
        dialogue = self.entered(spid, 25)
        self.assertEqual(spid.ctl("rehearse", "daemon-down", "3s").returncode, 0)
        dialogue.say("hello")
        # TCP says it again until it is over.
        self.assertEqual(dialogue.hear(), "hello")
        self.assertIn("the rehearsal of daemon-down is over", spid.log())

    def test_inspect_error(self):
        spid = self.lab.spid(ZONES + SLOW + "allow lan to any tcp 25\nallow lan to any tcp 21 alg ftp\n" + ALLOW)
        heard, other = self.dialogue(21), self.dialogue(25)
        heard.say("NOOP")
        self.assertEqual(heard.hear(), "NOOP")
        self.assertEqual(spid.ctl("rehearse", "inspect-error", "3s").returncode, 0)
        heard.say("SYST")
        other.say("beside")
        self.assertEqual(other.hear(), "beside")
        # As above.
        self.assertEqual(heard.hear(), "SYST")
        self.assertIn("the rehearsal of inspect-error is over", spid.log())
        drops = spid.ask("drops")[0]["drops"]
        self.assertIn(("alg", "a rehearsal of inspect-error"), {(drop["reason"], drop.get("detail")) for drop in drops})
        (control,) = [c for c in spid.ask("states") if c.get("dport") == 21]
        self.assertEqual(control["hears"], "listening")

    def test_inspect_error_that_accepts(self):
        spid = self.lab.spid(ZONES + SLOW + "on inspect-error accept\nallow lan to any tcp 21 alg ftp\n")
        heard = self.dialogue(21)
        def probe():
            heard.say("PORT 192,168,10,20,24,1")
            return heard.hear(), [c["expected"] for c in spid.ask("states") if c.get("dport") == 21]
        self.assertEqual(self.rehearse(spid, "inspect-error", probe), ("PORT 192,168,10,20,24,1", [0]))
        self.assertEqual(probe(), ("PORT 192,168,10,20,24,1", [1]))

    def test_what_cannot_be_rehearsed(self):
        spid = self.lab.spid(ZONES + SLOW + ALLOW)
        for words, status, what in ((("overload",), 2, "a duration such as 5s"), (("fire", "5s"), 1, "'fire' cannot be rehearsed"),
                                    (("overload", "61s"), 1, "at most 60s, such as 5s"), (("overload", "soon"), 1, "'soon' is no time"),
                                    (("overload", "0s"), 1, "is no time")):
            done = spid.ctl("rehearse", *words)
            self.assertEqual((done.returncode, what in done.stderr), (status, True), done.stderr)
        self.assertEqual(spid.ctl("rehearse", "inspect-error", "30s").returncode, 0)
        self.assertIn("a rehearsal of inspect-error is on", spid.ctl("rehearse", "overload", "1s").stderr)
        self.assertRegex(spid.ctl("status").stdout, r"\nrehearsal +of inspect-error, \d+ s more\n")
        for words in (("rehearse", "overload", "1s"), ("stop", "--open")):
            done = self.lab.run("gateway", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                os.path.join(self.lab.build, "spidctl"), "-S", spid.socket, *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"'{words[0]}' is for root and members of the group spid-admin", done.stderr)
        self.assertIsNone(spid.process.poll())
        # A stop does not wait for it.
        self.assertEqual(spid.stop(signal.SIGTERM), 0)

    # ---- the end ----

    def test_stop_says_what_it_leaves(self):
        before = self.lab.kernel_rules()
        for rules, open_, words in ((SLOW, False, "the hook stays; until the next start nothing passes"),
                                    (SLOW + "on daemon-down accept\n", False, "until the next start everything passes unjudged"),
                                    (SLOW, True, "the hook is removed, everything passes unjudged")):
            spid = self.lab.spid(ZONES + rules + ALLOW)
            installed = self.lab.kernel_rules()
            done = spid.ctl("stop", *(["--open"] if open_ else []))
            # spidctl returns when what was to be removed is.
            self.assertEqual(self.lab.kernel_rules(), before if open_ else installed)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(words, done.stdout)
            self.assertEqual(spid.process.wait(20), 0)
            self.assertIn("stopping: " + done.stdout.split(": ", 1)[1], spid.log())
            self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0] == 0, "nothing passes" not in words)

    def test_a_stop_beside_a_fast_path_says_what_goes_on(self):
        spid = self.with_fast_path(ZONES + ALLOW)
        spid.stop(signal.SIGTERM)
        self.assertIn("stopping: the hook stays; until the next start connections of the fast path go on, nothing else passes\n",
                      spid.log())

    # ---- what is counted ----

    def counted(self, spid, name):
        (rule,) = [rule for rule in spid.ask("rules")[0]["rules"] if rule.get("name") == name or rule["rule"].endswith(name)]
        return rule

    def talk(self, times):
        for _ in range(times):
            self.assertEqual(self.lab.udp(SERVER4, ALLOWED, seconds=5), "answer")

    def count_through_reloads(self, start, rules):
        plain = "allow lan to any udp 7\n"
        spid = start(rules + "allow lan to any tcp 80 as \"web\"\n" + plain)
        self.lab.get(f"http://[{SERVER6}]/")
        self.talk(3)
        web = self.counted(spid, "web")
        self.assertGreater(web["packets"], 4)
        line = (rules + plain).count("\n")
        spid.reload(rules + plain + "deny lan to any tcp 81\nallow lan to any tcp 80, 443 as \"web\"\n")
        self.assertEqual(self.counted(spid, f":{line}")["packets"], 6)
        self.assertEqual(self.counted(spid, f":{line}")["connections"], 3)
        again = self.counted(spid, "web")
        self.assertEqual([again[key] for key in ("packets", "bytes", "connections")],
                         [web[key] for key in ("packets", "bytes", "connections")])
        self.assertGreaterEqual(again["first_hit_ago"], web["first_hit_ago"])
        self.talk(2)
        # A trial without the rule, and the way back: what it had by then, and no more.
        spid.write(rules + "allow lan to any tcp 80 as \"web\"\n")
        self.assertEqual(spid.ctl("reload", "--confirm", "60").returncode, 0)
        self.assertEqual(self.lab.udp(SERVER4, ALLOWED, seconds=0.5), "timeout")
        self.assertEqual(spid.ctl("rollback").returncode, 0)
        self.talk(1)
        self.assertEqual(self.counted(spid, f":{line}")["packets"], 12)
        sample = re.search(r'spid_rule_packets_total\{rule="[^"]*:%d".*\} (\d+)' % line, spid.ctl("metrics").stdout)
        self.assertEqual(sample[1], "12")

    def test_counters_go_on(self):
        self.count_through_reloads(self.lab.spid, ZONES + SLOW)

    def test_counters_lose_nothing_while_packets_pass(self):
        spid = self.lab.spid(ZONES + SLOW + "deny lan to any udp 9\n")
        flood = self.lab.start("client", sys.executable, "-c", FLOOD, SERVER4, str(FORBIDDEN), "30000")
        reloads = 0
        while flood.poll() is None and reloads < 200:
            spid.reload(ZONES + SLOW + "# moved\n" * (reloads % 2) + "deny lan to any udp 9\n")
            reloads += 1
        flood.wait(60)
        wait_until(lambda: self.queue()[0] == 0, 30, "an empty queue")
        # Each was judged by that rule, or found no room.
        def all_counted():
            queue = spid.ask("status")[0]["queues"][0]
            return spid.ask("rules")[0]["rules"][0]["packets"] + queue["kernel_queue_dropped"] + queue["kernel_user_dropped"] == 30000
        wait_until(all_counted, 20, "all 30000")
        self.assertGreater(reloads, 1)

    def test_counters_of_the_fast_path_lose_nothing(self):
        rules = ZONES + "fastpath on\n"
        spid = self.with_fast_path(rules + "allow lan to any tcp 25 as \"lines\"\n")
        dialogue = self.entered(spid, 25)
        for number in range(50):
            dialogue.say("hello")
            self.assertEqual(dialogue.hear(), "hello")
            if number % 10 == 9:
                # No sweep comes in between: what passed in the kernel until now is asked for by the reload itself.
                spid.reload(rules + "# moved\n" * (number // 10) + "allow lan to any tcp 25 as \"lines\"\n")
        def agree():
            (connection,) = [c for c in spid.ask("states") if c.get("dport") == 25]
            return sum(connection["packets"]) == self.counted(spid, "lines")["packets"]
        wait_until(agree, 20, "as many packets of the rule as of its connection")


if __name__ == "__main__":
    lab_module.main(Failure)
