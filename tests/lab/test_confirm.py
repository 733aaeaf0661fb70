#!/usr/bin/env python3
"""The lab: rules on trial that come back by themselves, confirm, rollback, and what a reload says of the connections."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, GATEWAY4, SERVER4, SERVER6, LabTest

ZONES = "zone lan = eth1\nzone wan = eth0\n"
SSH = ZONES + 'allow lan to any tcp 22 as "ssh"\nallow lan to any udp 5300 as "echo"\n'
SHUT = ZONES + 'allow lan to any tcp 80 as "web"\n'

# Something like sshd: what is typed comes back. TCP alone decides whether it stands.
ECHO = """
import socket, sys, threading
s = socket.create_server(("::", 22), family=socket.AF_INET6, dualstack_ipv6=True)
open(sys.argv[1], "w").close()
def serve(c):
    while data := c.recv(1000):
        c.sendall(data)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""

# Types each line of standard input, and says what came back within so many seconds of all that has not come back yet.
TYPIST = """
import socket, struct, sys
s = socket.create_connection((sys.argv[1], 22), 5)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)) # nothing is sent again when he has gone
print("open", flush=True)
owed = 0
for line in sys.stdin:
    seconds, word = line.split()
    s.settimeout(float(seconds))
    got = b""
    try:
        s.sendall(word.encode())
        owed += len(word)
        while owed > 0:
            more = s.recv(100)
            if not more:
                raise ConnectionError("closed")
            got += more
            owed -= len(more)
        print(got.decode(), flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
"""


# A shell on the gateway for whoever comes.
SHELL = """
import socket, subprocess, sys
s = socket.create_server(("0.0.0.0", 22))
open(sys.argv[1], "w").close()
while True:
    c = s.accept()[0]
    subprocess.Popen(["sh"], stdin=c, stdout=c, stderr=c)
    c.close()
"""

# Types each line of standard input into the shell, and says what it wrote within so many seconds, in one line.
ADMINISTRATOR = """
import socket, sys
s = socket.create_connection((sys.argv[1], 22), 5)
print("open", flush=True)
for line in sys.stdin:
    seconds, command = line.strip().split(" ", 1)
    s.settimeout(float(seconds))
    got = b""
    try:
        s.sendall(command.encode() + b"; echo done\\n")
        while not got.endswith(b"done\\n"):
            more = s.recv(1000)
            if not more:
                raise ConnectionError("closed")
            got += more
        print(got.decode().replace("\\n", "|"), flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
"""


class Typist:
    code = TYPIST

    def __init__(self, lab, address):
        self.process = subprocess.Popen(["ip", "netns", "exec", lab.names["client"], sys.executable, "-c", self.code, address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)
        assert self.process.stdout.readline().strip() == "open"

    def type(self, word, seconds=5):
        self.process.stdin.write(f"{seconds} {word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.communicate()


class Administrator(Typist):
    code = ADMINISTRATOR


class Confirm(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ready = os.path.join(cls.lab.folder, "echo")
        cls.lab.start("server", sys.executable, "-c", ECHO, ready)
        lab_module.wait_until(lambda: os.path.exists(ready), what="the server")
        cls.lab.udp_echo("server", 5300)

    def setUp(self):
        # Each with an empty table.
        self.spid = self.lab.spid(SSH)
        self.addCleanup(self.spid.stop)

    def typist(self, address=SERVER4):
        typist = Typist(self.lab, address)
        self.addCleanup(typist.close)
        self.assertEqual(typist.type("hello"), "hello")
        return typist

    def ask(self, *words, status=0):
        done = self.spid.ctl("--json", *words)
        self.assertEqual(done.returncode, status, done)
        return json.loads(done.stdout)

    def status(self):
        return self.ask("status")

    def wait_for_the_end(self):
        lab_module.wait_until(lambda: self.status()["trial"] is None, 20, "the end of the trial")

    def shut_out(self, rules):
        """The drill: he is shut out by RULES on trial, waits, and goes on typing."""
        typist = self.typist()
        generation = self.status()["generation"]
        self.spid.write(rules)
        done = self.spid.ctl("reload", "--confirm", "5")
        self.assertIn("1 lose it", done.stdout)
        self.assertIn("come back in 5 s", done.stdout)
        self.assertEqual(typist.type("shut", seconds=2), "TimeoutError")
        status = self.status()
        self.assertTrue(0 < status["trial"]["left"] <= 5 and status["before"] == generation and not status["rolled_back"])
        self.assertIn("on trial", self.spid.ctl("status").stdout)
        # What he typed meanwhile is not lost: TCP sends it again.
        self.assertEqual(typist.type("again", seconds=20), "shutagain")
        self.assertEqual(typist.type("more"), "more")
        status = self.status()
        self.assertTrue(status["trial"] is None and status["before"] is None and status["rolled_back"])
        self.assertEqual(status["generation"], generation + 2)
        self.assertIn("rolled back", self.spid.ctl("status").stdout)
        self.assertIn(f"generation {generation + 1} is on trial: unless 'spidctl confirm' comes within 5 s", self.spid.log())
        self.assertIn(f"not confirmed in time: the rules of generation {generation} hold again", self.spid.log())
        self.assertIn("rolled back", self.spid.ctl("confirm").stderr)

    def test_who_shuts_himself_out_is_let_in_again(self):
        self.shut_out(SHUT)

    def test_he_types_the_reload_into_the_connection_that_it_closes(self):
        self.spid.stop()
        own = "hook forward, input\n"
        self.spid = self.lab.spid(ZONES + own + "allow lan to self tcp 22\n")
        self.addCleanup(self.spid.stop)
        ready = os.path.join(self.lab.folder, "shell")
        shell = self.lab.start("gateway", sys.executable, "-c", SHELL, ready)
        self.addCleanup(shell.kill)
        lab_module.wait_until(lambda: os.path.exists(ready), what="the shell")
        administrator = Administrator(self.lab, GATEWAY4)
        self.addCleanup(administrator.close)
        spidctl = f"{os.path.join(self.lab.build, 'spidctl')} -S {self.spid.socket}"
        self.assertIn('"trial":null', administrator.type(f"{spidctl} --json status"))
        self.spid.write(ZONES + own + "allow lan to self tcp 80\n")
        # What spidctl says cannot reach him any more, until the old rules are back; he has typed on meanwhile.
        self.assertEqual(administrator.type(f"{spidctl} reload --confirm 5", seconds=3), "TimeoutError")
        said = administrator.type("echo mended", seconds=25)
        self.assertIn("come back in 5 s", said)
        for _ in range(5):
            if "more|done|" not in said:
                said += administrator.type("echo more")
        self.assertRegex(said, "mended\\|done\\|more\\|done\\|")
        status = self.status()
        self.assertTrue(status["trial"] is None and status["rolled_back"])

    def test_who_is_rejected_on_trial_keeps_his_connection(self):
        self.shut_out(SHUT + "default reject\n")

    def test_who_is_rejected_by_rules_that_stay_is_told(self):
        typist = self.typist()
        self.spid.write(SHUT + "default reject\n")
        self.ask("reload", "--confirm", "60")
        self.assertEqual(typist.type("quiet", seconds=1), "TimeoutError")
        self.ask("confirm")
        self.assertEqual(typist.type("told", seconds=15), "ConnectionResetError")

    def test_confirmed_in_time_they_stay(self):
        typist = self.typist()
        self.spid.write(SHUT)
        self.ask("reload", "--confirm", "2")
        generation = self.status()["generation"]
        self.assertEqual(self.ask("confirm")["generation"], generation)
        self.assertEqual(typist.type("x", seconds=4), "TimeoutError")
        status = self.status()
        self.assertTrue(status["trial"] is None and status["generation"] == generation and not status["rolled_back"])
        self.assertIn(f"generation {generation} is confirmed", self.spid.log())
        self.assertIn("no rules are on trial", self.ask("confirm", status=1)["error"])
        # There is a way back all the same.
        self.ask("rollback")
        self.assertEqual(typist.type("y", seconds=20), "xy")

    def test_rollback_is_at_once_and_once(self):
        typist = self.typist(SERVER6)
        generation = self.status()["generation"]
        self.spid.reload(SHUT)
        self.assertEqual(typist.type("a", seconds=1), "TimeoutError")
        # The kept rules, whatever the file says by now.
        self.spid.write("nonsense\n")
        done = self.ask("rollback")
        self.assertEqual((done["generation"], done["connections"]["return"]), (generation + 2, 1))
        self.assertEqual(typist.type("b", seconds=20), "ab")
        self.assertEqual([rule["name"] for rule in self.ask("rules")["rules"]], ["ssh", "echo", None])
        self.assertTrue(self.status()["rolled_back"])
        self.assertIn("there are no rules to go back to", self.ask("rollback", status=1)["error"])

    def test_a_rollback_matches_every_connection_anew(self):
        self.spid.reload(ZONES + "set abusers = dynamic max 4\ndeny abusers to any\n" + SSH[len(ZONES):])
        typist = self.typist()
        self.ask("set", "abusers", "add", CLIENT4)
        self.assertEqual(typist.type("in"), "in")
        # He says nothing while other rules hold; his last acknowledgement has passed.
        time.sleep(0.5)
        self.spid.reload(SHUT)
        self.assertEqual(self.ask("rollback")["connections"]["denied"], 1)
        self.assertEqual(typist.type("out", seconds=1), "TimeoutError")

    def test_a_rollback_ends_a_trial(self):
        self.spid.write(SHUT)
        self.ask("reload", "--confirm", "60")
        self.ask("rollback")
        self.assertIsNone(self.status()["trial"])
        self.assertEqual(self.ask("rules")["rules"][0]["name"], "ssh")

    def test_a_trial_is_not_confirmed_by_another_reload(self):
        self.spid.write(SHUT)
        generation = self.status()["generation"]
        self.ask("reload", "--confirm", "60")
        self.assertIn("on trial", self.ask("reload", status=1)["error"])
        before = len(self.spid.log())
        self.spid.process.send_signal(signal.SIGHUP)
        self.spid.wait_for("reload refused, the old rules stay: rules are on trial", after=before)
        self.spid.write("nonsense\n")
        self.ask("reload", "--confirm", "60", status=1)
        self.assertEqual(self.status()["generation"], generation + 1)
        # Another trial leads back to what was before the first.
        self.spid.write(ZONES + "allow lan to any tcp 443\n")
        self.ask("reload", "--confirm", "1")
        self.assertEqual(self.status()["before"], generation)
        self.wait_for_the_end()
        self.assertEqual(self.ask("rules")["rules"][0]["name"], "ssh")

    def test_an_end_of_the_daemon_during_a_trial_is_told(self):
        self.spid.write(SHUT)
        self.ask("reload", "--confirm", "60")
        self.assertEqual(self.spid.stop(signal.SIGTERM), 0)
        self.assertIn("the rules on trial were not confirmed: the next start reads", self.spid.log())

    def test_a_dry_run_changes_nothing_and_says_what_a_reload_would(self):
        typists = [self.typist(SERVER4), self.typist(SERVER4), self.typist(SERVER6)]
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        before = self.status()
        v4 = ZONES + f'allow lan to {SERVER4} tcp 22 as "ssh4"\nallow lan to any udp 5300 as "echo"\n'
        self.spid.write(v4)
        dry = self.ask("reload", "--dry-run")
        sums = {"keep": 1, "change": 2, "lose": 1, "return": 0, "denied": 0}
        self.assertEqual(dry["connections"], sums)
        self.assertEqual([(g["fate"], g["connections"], g["old"]["name"], g["new"]["rule"]) for g in dry["groups"]],
                         [("lose", 1, "ssh", "default"), ("change", 2, "ssh", dry["groups"][1]["new"]["rule"]),
                          ("keep", 1, "echo", dry["groups"][2]["new"]["rule"])])
        self.assertTrue(dry["groups"][0]["old"]["rule"].endswith("lab.rules:3"))
        self.assertTrue(dry["groups"][1]["new"]["rule"].endswith("lab.rules:3"))
        for typist in typists:
            self.assertEqual(typist.type("still"), "still")
        self.assertEqual(self.status()["generation"], before["generation"])
        said = self.spid.ctl("reload", "--dry-run").stdout
        self.assertIn("dry run, nothing is changed", said)
        self.assertIn("1 keep their rule, 2 change it, 1 lose it", said)
        # The reload says the same, and then it is so.
        self.assertEqual(self.ask("reload")["connections"], sums)
        self.assertEqual(typists[0].type("on"), "on")
        self.assertEqual(typists[2].type("off", seconds=1), "TimeoutError")
        # One is cut by now; the way back is counted, too.
        self.spid.write(SSH)
        self.assertEqual(self.ask("reload", "--dry-run")["connections"],
                         {"keep": 1, "change": 2, "lose": 0, "return": 1, "denied": 0})
        self.spid.write("nonsense\n")
        self.assertIn("lab.rules:1:", self.ask("reload", "--dry-run", status=1)["error"])

    def test_a_dry_run_knows_the_members_of_sets(self):
        dynamic = ZONES + "set abusers = dynamic max 4\n" + SSH[len(ZONES):]
        self.spid.reload(dynamic)
        self.typist()
        self.ask("set", "abusers", "add", CLIENT4)
        self.spid.write(ZONES + "set abusers = dynamic max 4\ndeny abusers to any\n" + SSH[len(ZONES):])
        self.assertEqual(self.ask("reload", "--dry-run")["connections"]["lose"], 1)

    def test_sets_come_back_as_they_are_by_now(self):
        def members():
            return sorted(member["address"] for member in self.ask("set", "abusers", "list")["members"])

        rules = ZONES + "set abusers = dynamic max %d\ndeny abusers to any\n"
        self.spid.reload(rules % 4)
        for address in ("192.0.2.1", "192.0.2.2"):
            self.ask("set", "abusers", "add", address)
        # A set of another size is another one; who was taken out of it stays out.
        self.spid.write(rules % 8)
        self.ask("reload", "--confirm", "60")
        self.ask("set", "abusers", "delete", "192.0.2.1")
        self.ask("set", "abusers", "add", "192.0.2.3")
        self.ask("rollback")
        self.assertEqual(members(), ["192.0.2.2", "192.0.2.3"])
        self.ask("set", "abusers", "add", "192.0.2.4")
        self.assertEqual(len(members()), 3)

    def test_wrong_usage(self):
        for words in (("reload", "--confirm"), ("reload", "--confirm", "soon"), ("reload", "--confirm", "0"),
                      ("reload", "--confirm", "5s"), ("reload", "--confirm", "5", "--dry-run"), ("reload", "5"),
                      ("status", "--dry-run"), ("rollback", "--confirm", "5"), ("confirm", "5"), ("rollback", "1")):
            done = self.spid.ctl(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("spidctl", done.stderr)
        done = self.spid.ctl("reload", "--confirm", "100000")
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 to 3600 seconds", done.stderr)
        self.assertIsNone(self.status()["trial"])


if __name__ == "__main__":
    lab_module.main(Confirm)
