#!/usr/bin/env python3
"""The lab: `spidctl top` in a real terminal (tmux), and what the daemon tells for it."""
import itertools
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, LabTest, wait_until

RULES = """zone lan = eth1
zone wan = eth0
set names = dns "nobody.invalid"
allow lan to any tcp 80 as "web"
allow lan to any tcp 81, udp 5300, icmp 8, icmp6 128
"""

# A connection that stays and says nothing.
SILENT_SERVER = """
import socket, sys
s = socket.create_server(("::", 81), family=socket.AF_INET6)
open(sys.argv[1], "w").close()
kept = []
while True:
    kept.append(s.accept())
"""
SILENT_CLIENT = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 81), 10)
time.sleep(1000000)
"""

# So many datagrams, each of another size, from a port of its own, in no order.
MANY = """
import socket, sys
count = int(sys.argv[2])
kept = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
for i, s in enumerate(kept):
    s.sendto(b"x" * (i * 7919 % count + 1), (sys.argv[1], 5300))
"""

PATIENCE = 30


class Terminal:
    """A program in a tmux of its own on the gateway."""
    numbers = itertools.count()

    def __init__(self, lab, command, width, height, term=None):
        self.lab, self.socket = lab, os.path.join(lab.folder, f"tmux-{next(self.numbers)}")
        # Afterwards: how it ended, and whether the terminal is as before.
        script = f"{term or ''} {command}; echo \"ended $?\"; stty -a | grep -o ' -*echo ' ; exec cat"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "sh", "-c", script)
        self.pid = int(self.tmux("display-message", "-p", "#{pane_pid}"))

    def tmux(self, *words):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        done = self.lab.run("gateway", "tmux", "-S", self.socket, *words, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"tmux {words}: {done.stderr}")
        return done.stdout

    def shown(self):
        return self.tmux("capture-pane", "-p")

    def until(self, condition, what):
        """Waits until the screen fulfils CONDITION (a text that is in it, or a function); the screen."""
        holds = condition if callable(condition) else lambda screen: condition in screen
        try:
            return wait_until(lambda: self.matching(holds), PATIENCE, what)
        except TimeoutError as error:
            raise AssertionError(f"{error}; the terminal shows:\n{self.shown()}") from None

    def matching(self, holds):
        screen = self.shown()
        return screen if holds(screen) else None

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def top_pid(self):
        """spidctl's number."""
        return int(subprocess.run(["pgrep", "-P", str(self.pid), "spidctl"], capture_output=True, text=True, check=True).stdout)

    def close(self):
        self.lab.run("gateway", "tmux", "-S", self.socket, "kill-server")


def connections(screen):
    """The lines of connections: what stands below the titles."""
    lines = screen.splitlines()
    at = next((i for i, line in enumerate(lines) if line.rstrip().endswith("connection")), len(lines))
    return [line for line in lines[at + 1:-1] if " > " in line]


class Top(LabTest):
    @classmethod
    def setUpClass(cls):
        if shutil.which("tmux") is None:
            raise unittest.SkipTest("tmux is not installed (apt-get install tmux)")
        super().setUpClass()
        cls.lab.web("server", 80, size=30 << 20)
        cls.lab.udp_echo("server", 5300)
        ready = os.path.join(cls.lab.folder, "silent-ready")
        cls.lab.start("server", sys.executable, "-c", SILENT_SERVER, ready)
        wait_until(lambda: os.path.exists(ready), PATIENCE, "the silent server")
        cls.spid = cls.lab.spid(RULES)
        # One with traffic all the while, one that idles.
        cls.lab.start("client", "curl", "-s", "-o", "/dev/null", f"http://{SERVER4}/slow/file")
        cls.lab.start("client", sys.executable, "-c", SILENT_CLIENT, SERVER6)
        wait_until(lambda: (states := cls.spid.ask("states")) and any(sum(state.get("bytes", [0])) > 20000 for state in states) and
                   any(state.get("dport") == 81 and state["state"] == "established" for state in states), PATIENCE, "the connections")

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "lab"):
            cls.lab.close()

    def setUp(self):
        self.assertIsNone(self.spid.process.poll())

    def top(self, *words, width=100, height=24, term=None):
        spidctl = os.path.join(self.lab.build, "spidctl")
        with open(spidctl, "rb") as program:
            if b"built without ncurses" in program.read():
                self.skipTest("this spidctl was built without ncurses (apt-get install libncurses-dev)")
        command = shlex.join([spidctl, "-S", self.spid.socket, "top", *words])
        terminal = Terminal(self.lab, command, width, height, term)
        self.addCleanup(terminal.close)
        return terminal

    def busy(self, screen):
        """The download comes first, with a rate."""
        lines = connections(screen)
        return bool(lines) and re.match(rf" +\d[\d.]*k .*tcp {CLIENT4}:\d+ > {SERVER4}:80", lines[0]) is not None

    # ---- what the daemon tells ----

    def watch(self, **request):
        """The answers to `top`, one after the other, until they are closed."""
        def answers():
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(self.spid.socket)
                client.sendall(json.dumps({"command": "top", **request}).encode() + b"\n")
                with client.makefile() as lines:
                    yield from map(json.loads, lines)
        watching = answers()
        self.addCleanup(watching.close)
        return watching

    def first(self, **request):
        """The first answer with connections, or the refusal; who asked has gone."""
        answers = self.watch(**request)
        answer = next(answers)
        answer = next(answers) if "watching" in answer else answer
        answers.close()
        return answer

    def test_who_comes_first(self):
        answers = self.watch()
        self.assertEqual(next(answers), {"watching": True})
        # The server sends in bursts: in some seconds nothing.
        passed = 0
        for answer in itertools.islice(answers, 20):
            rates = [one["rate"] for one in answer["connections"]]
            self.assertEqual(rates, sorted(rates, reverse=True))
            self.assertEqual(answer["matching"], len(rates))
            self.assertGreaterEqual(answer["seconds"], 0.9)
            self.assertGreater(answer["status"]["verdicts"]["allow"], 0)
            self.assertIn(0, rates)
            download = next(one for one in answer["connections"] if one["dport"] == 80)
            before, passed = passed, sum(download["bytes"])
            if before > 0 and passed - before > 10000:
                break
        self.assertGreater(passed - before, 10000, "the download stands still")
        self.assertEqual(answer["connections"][0], download)
        # What has passed since the last answer, within what a busy machine makes of a second.
        self.assertTrue(0.5 < download["rate"] * answer["seconds"] / (passed - before) < 2, (download, answer["seconds"], before))

    def test_orders_filters_and_numbers(self):
        # As long as somebody looks the rates are known.
        next(self.watch())
        for sort, key in ("bytes", lambda one: sum(one["bytes"])), ("packets", lambda one: sum(one["packets"])), \
                ("age", lambda one: one["age"]):
            keys = [key(one) for one in self.first(sort=sort)["connections"]]
            self.assertGreater(len(keys), 1)
            self.assertEqual(keys, sorted(keys, reverse=True), sort)
        lines = [int(one["rule"].rsplit(":", 1)[1]) for one in self.first(sort="rule")["connections"] if one["rule"]]
        self.assertEqual(lines, sorted(lines))
        self.assertEqual(set(lines), {4, 5})
        answer = self.first(filter="lan to any tcp 81", count=1)
        self.assertEqual([len(answer["connections"]), answer["matching"]], [1, 1])
        self.assertEqual(answer["connections"][0]["dport"], 81)
        for wrong, what in ({"sort": "size"}, "sorts by"), ({"count": 0}, "1 to 200"), ({"count": 201}, "1 to 200"), \
                ({"filter": "lan to dzm"}, "dzm"):
            answer = self.first(**wrong)
            self.assertFalse(answer["ok"])
            self.assertIn(what, answer["error"])

    def test_y_of_many_the_first(self):
        """Of 300 connections those that would come first if all were sorted. Late, for they stay."""
        self.lab.python("client", MANY, SERVER4, "300")
        wait_until(lambda: len(self.many()) == 300, PATIENCE, "300 connections")
        answer = self.first(filter="lan to any udp 5300", sort="bytes", count=20)
        self.assertEqual((answer["matching"], len(answer["connections"])), (300, 20))
        told = [sum(one["bytes"]) for one in answer["connections"]]
        self.assertEqual(told, sorted((sum(one["bytes"]) for one in self.many()), reverse=True)[:20])

    def many(self):
        return [one for one in self.spid.ask("states") if one.get("dport") == 5300]

    def test_a_fifth_is_refused_and_those_who_go_make_room(self):
        others = [self.watch() for _ in range(4)]
        for answers in others:
            self.assertEqual(next(answers), {"watching": True})
        self.assertIn("4 clients look at 'top' already", next(self.watch())["error"])
        others[2].close()
        wait_until(lambda: next(self.watch()) == {"watching": True}, PATIENCE, "room for another")

    def test_a_reload_goes_on_and_takes_away_what_a_filter_names(self):
        answers, named = self.watch(), self.watch(filter="lan to names")
        next(answers), next(named)
        next(answers)
        self.spid.reload(RULES.replace("set names", "set others"))
        last = next((answer for answer in itertools.islice(named, 5) if "error" in answer), {"error": ""})
        self.assertIn("names", last["error"])
        next(answers)
        self.assertIn(80, [one["dport"] for one in next(answers)["connections"]])
        self.spid.reload(RULES)

    def test_json_a_line_a_second(self):
        process = subprocess.Popen([*self.lab.entries["gateway"], os.path.join(self.lab.build, "spidctl"), "-S", self.spid.socket,
                                    "--json", "top", "lan to any tcp 80"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.lab.processes.append(process)
        self.addCleanup(process.communicate)
        for wanted in "watching", "connections", "connections":
            self.assertTrue(select.select([process.stdout], [], [], PATIENCE)[0])
            self.assertIn(wanted, json.loads(process.stdout.readline()))
        process.terminate()

    # ---- the terminal ----

    def test_the_view_sorts_filters_pauses_and_ends(self):
        top = self.top()
        screen = top.until(self.busy, "the download in the first line")
        self.assertRegex(screen, r"^up \d+m?\d*s?   allow \S+/s   deny \S+/s   reject \S+/s   fast path")
        self.assertRegex(screen, r"table [1-9]\d* of \d+ \(\d+ %\)   waiting \d+\s+lost 0 \(\+[-0]/s\)")
        self.assertRegex(screen, r"\d+ connections by rate\n +RATE +bytes +packets +age +rule +connection")
        self.assertRegex(connections(screen)[0], r"lab\.rules:4 ")
        self.assertTrue(any(f"tcp [{CLIENT6}]:" in line and f"> [{SERVER6}]:81" in line for line in connections(screen)), screen)
        for key, title in ("b", "BYTES"), ("u", "RULE"), ("r", "RATE"):
            top.press(key)
            top.until(lambda screen: title in screen and connections(screen), f"connections by {title}")
        top.press("/", "lan to dzm", "Enter")
        self.assertTrue(self.busy(top.until("dzm'", "the refusal of a filter")))
        top.press("/", "lan to any tcp 8x", "BSpace", "1", "Enter")
        screen = top.until(lambda screen: "filter: lan to any tcp 81" in screen and "1 connections by" in screen, "the filter")
        self.assertEqual(len(connections(screen)), 1)
        top.press("/", "C-u", "Enter")
        top.until(lambda screen: "filter:" not in screen and self.busy(screen), "everything again")
        top.press("Space")
        paused = top.until("PAUSED", "the pause")
        answers = self.watch()
        next(answers), next(answers)
        self.assertEqual(top.shown(), paused)
        top.press("Space")
        top.until(lambda screen: "PAUSED" not in screen and screen.splitlines()[0] != paused.splitlines()[0], "the end of the pause")
        top.press("q")
        screen = top.until(lambda screen: "ended 0" in screen and "echo" in screen, "the end")
        self.assertIn("\n echo", screen)
        self.assertNotIn("PACKETS", screen.upper().replace("PACKETS/S", ""))

    def test_any_width_down_to_40(self):
        top = self.top(width=200, height=50)
        screen = top.until(self.busy, "the download in the first line")
        self.assertIn("packets", screen)
        for width, height in (80, 24), (40, 10), (120, 40):
            top.resize(width, height)
            top.until(lambda screen: len(screen.splitlines()[-1]) <= width and len(screen.splitlines()) == height and
                      (self.busy(screen) or " > 203" in screen or "192.168.10.20" in screen) and "q quit" in screen.splitlines()[-1],
                      f"the view at {width}x{height}")
            screen = top.until(lambda screen: connections(screen), f"connections at {width}x{height}")
            self.assertTrue(all(len(line) <= width for line in screen.splitlines()), screen)
            self.assertIn("RATE", screen)
            self.assertIn("deny", screen)
        top.press("q")
        top.until("ended 0", "the end")

    def test_signals_leave_the_terminal_as_it_was(self):
        for number in signal.SIGINT, signal.SIGTERM:
            top = self.top()
            top.until(self.busy, "the view")
            os.kill(top.top_pid(), number)
            screen = top.until(lambda screen: f"ended {128 + number}" in screen and "echo" in screen, "the end by a signal")
            self.assertIn("\n echo", screen)

    def test_where_nothing_can_be_drawn(self):
        done = self.spid.ctl("top")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("'top' needs a terminal", done.stderr)
        top = self.top(term="TERM=dumb")
        self.assertIn("TERM is 'dumb'", top.until("ended 1", "the end"))
        top = self.top("lan to dzm")
        self.assertIn("dzm'", top.until("ended 1", "the refusal"))

    def test_tables_fold_on_a_narrow_terminal(self):
        command = shlex.join([os.path.join(self.lab.build, "spidctl"), "-S", self.spid.socket, "states"])
        terminal = Terminal(self.lab, command, 60, 24)
        self.addCleanup(terminal.close)
        screen = terminal.until("ended 0", "the end")
        lines = [line for line in screen[:screen.index("connections")].splitlines()]
        self.assertTrue(any(line.startswith("tcp ") and line.rstrip().endswith(tuple("0123456789")) for line in lines), screen)
        self.assertTrue(any(re.match(rf"    > {SERVER4} port 80 ", line) for line in lines), screen)

    def test_z_the_daemon_ends(self):
        top = self.top()
        top.until(self.busy, "the view")
        self.assertEqual(self.spid.stop(), 0)
        screen = top.until("ended 1", "the end")
        self.assertIn("spidctl: the daemon closed the connection", screen)
        type(self).spid = self.lab.spid(RULES)


if __name__ == "__main__":
    lab_module.main(Top)
