#!/usr/bin/env python3
"""The lab: start, stop, death, and what refuses to start."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import GATEWAY4, GATEWAY6, OUTSIDE4, SERVER4, SERVER6, LabTest

ZONES = "zone lan = eth1\nzone wan = eth0\n"
WEB = ZONES + "allow lan to any tcp 80\n"


class Lifecycle(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.web("gateway", 80, 81)

    def tearDown(self):
        self.clear(WEB)

    def passes(self):
        return self.lab.get(f"http://{SERVER4}/", seconds=1)[0] == 0

    def passes6(self):
        return self.lab.get(f"http://[{SERVER6}]/", seconds=1)[0] == 0

    def test_int_removes_exactly_what_was_installed(self):
        self.lab.run("gateway", "iptables", "-t", "mangle", "-A", "FORWARD", "-j", "MARK", "--set-mark", "5")
        self.lab.run("gateway", "ip6tables", "-A", "FORWARD", "-p", "tcp", "--dport", "9", "-j", "DROP")
        before = self.lab.kernel_rules()
        spid = self.lab.spid(ZONES + "hook forward, input, output\nallow any to any\n")
        self.assertNotEqual(self.lab.kernel_rules(), before)
        self.assertEqual(spid.stop(signal.SIGINT), 0)
        self.assertEqual(self.lab.kernel_rules(), before)
        self.lab.run("gateway", "iptables", "-t", "mangle", "-F", "FORWARD")
        self.lab.run("gateway", "ip6tables", "-F", "FORWARD")
        self.assertTrue(self.passes())

    def test_connections_from_before_a_start_are_picked_up(self):
        code = """
import os, socket, sys, time
s = socket.create_connection((sys.argv[1], 80), timeout=20)
open(sys.argv[2] + ".open", "w").close()
while not os.path.exists(sys.argv[2] + ".go"):
    time.sleep(0.05)
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
print(s.recv(4096).decode(), end="")
"""
        spid = self.lab.spid("fastpath off\n" + WEB)
        mark = os.path.join(self.lab.folder, "pickup")
        with open(mark + ".out", "wb") as out:
            client = self.lab.start("client", sys.executable, "-c", code, SERVER4, mark, stdout=out)
        lab_module.wait_until(lambda: os.path.exists(mark + ".open"), what="the connection")
        spid.stop(signal.SIGKILL)
        spid = self.lab.spid("fastpath off\n" + WEB)
        open(mark + ".go", "w").close()
        self.assertEqual(client.wait(30), 0)
        with open(mark + ".out") as file:
            self.assertIn("200 OK", file.read())
        self.assertTrue(any(c.get("picked_up") for c in spid.ask("states")))

    def test_after_term_and_kill_nothing_passes_until_the_next_start(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            spid = self.lab.spid(WEB)
            self.assertTrue(self.passes() and self.passes6())
            installed = self.lab.kernel_rules()
            spid.stop(number)
            self.assertEqual(self.lab.kernel_rules(), installed)
            self.assertFalse(self.passes() or self.passes6())
            # While the next one takes over, nothing that its rules forbid gets through.
            code = """
import socket, sys, time
end, got = time.monotonic() + 3, 0
while time.monotonic() < end:
    s = socket.socket(); s.settimeout(0.05)
    try: s.connect((sys.argv[1], 80)); got += 1
    except OSError: pass
    s.close()
print(got)
"""
            import subprocess
            prober = self.lab.start("client", sys.executable, "-c", code, SERVER4, stdout=subprocess.PIPE)
            spid = self.lab.spid(ZONES + "allow lan to any tcp 443\n")
            got = prober.communicate(timeout=30)[0]
            self.assertEqual(got.strip(), b"0")
            self.assertEqual(self.lab.kernel_rules(), installed)
            spid.reload(WEB)
            self.assertTrue(self.passes() and self.passes6())
            spid.stop(signal.SIGINT)

    def test_hook_none_installs_nothing(self):
        before = self.lab.kernel_rules()
        spid = self.lab.spid(WEB, "-H", "none")
        self.assertEqual(self.lab.kernel_rules(), before)
        spid.stop()

    def test_workers_run_where_they_are_told(self):
        processors = os.sched_getaffinity(0)
        if len(processors) < 2:
            self.skipTest("one processor only")
        last = max(processors)
        spid = self.lab.spid(WEB, "--queue", "0-1", "--cpus", f"{last}-{last}")
        bound = [int(task) for task in os.listdir(f"/proc/{spid.process.pid}/task") if os.sched_getaffinity(int(task)) == {last}]
        self.assertEqual(len(bound), 2)
        self.assertNotIn(spid.process.pid, bound)
        spid.stop()
        spid = self.lab.spid(WEB, "--cpus", "1000", ready=False)
        self.assertEqual(spid.process.wait(10), 1)
        self.assertIn("--cpus: processor 1000 is not there", spid.log())

    def test_a_taken_queue_names_its_owner(self):
        first = self.lab.spid(WEB, "-q", "7")
        second = self.lab.spid(WEB, "-q", "7", "-S", os.path.join(self.lab.folder, "other.sock"), ready=False)
        self.assertEqual(second.process.wait(10), 1)
        owner = self.lab.run("gateway", "cat", "/proc/net/netfilter/nfnetlink_queue").stdout
        self.assertIn("7 ", owner)
        self.assertIn("queue 7 is taken by process", second.log())
        self.assertIn("(spid)", second.log())
        self.assertTrue(self.passes())
        first.stop()

    def test_a_taken_socket_says_so(self):
        first = self.lab.spid(WEB, "-q", "7")
        second = self.lab.spid(WEB, "-q", "8", ready=False)
        self.assertEqual(second.process.wait(10), 1)
        self.assertIn("a daemon listens there already", second.log())
        first.stop()

    def test_without_the_capability(self):
        spid = self.lab.spid(WEB, ready=False, prefix=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"))
        self.assertEqual(spid.process.wait(10), 1)
        self.assertIn("CAP_NET_ADMIN", spid.log())

    def test_rules_that_are_refused(self):
        for rules, words in ((ZONES + "allow lan to nowhere\n", "undefined zone or set 'nowhere'"),
                             ("/nonexistent/spid.rules", "cannot read")):
            spid = self.lab.spid(rules, ready=False)
            self.assertEqual(spid.process.wait(10), 1)
            self.assertIn(words, spid.log())

    def test_detached_it_answers_when_ready_and_writes_its_number(self):
        rules, pidfile = os.path.join(self.lab.folder, "lab.rules"), os.path.join(self.lab.folder, "pid")
        with open(rules, "w") as file:
            file.write(WEB)
        done = self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "-c", rules, "-S",
                            os.path.join(self.lab.folder, "spid.sock"), "--pidfile", pidfile)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(pidfile) as file:
            number = int(file.read())
        self.assertTrue(self.passes())
        os.kill(number, signal.SIGINT)
        lab_module.wait_until(lambda: not os.path.exists(pidfile), what="the end")
        with open(rules, "w") as file:
            file.write("nonsense\n")
        done = self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "-c", rules)
        self.assertEqual(done.returncode, 1)
        self.assertIn("lab.rules:1:1", done.stderr)

    def test_the_gateways_own_services(self):
        self.lab.spid(ZONES + "hook forward, input\nallow lan to self tcp 80\n")
        for address in (GATEWAY4, f"[{GATEWAY6}]"):
            self.assertEqual(self.lab.get(f"http://{address}/")[:2], (0, "hello from gateway\n"))
            self.assertEqual(self.lab.get(f"http://{address}:81/", seconds=1)[0], 28)
        self.assertEqual(self.lab.get(f"http://{OUTSIDE4}/", host="server", seconds=1)[0], 28)
        self.assertEqual(self.lab.run("gateway", "curl", "-s", "-m2", "http://127.0.0.1:81/").returncode, 0)
        # Neighbour discovery goes on without a rule.
        self.lab.run("client", "ip", "-6", "neigh", "flush", "dev", "lan0")
        self.assertEqual(self.lab.get(f"http://[{GATEWAY6}]/")[0], 0)

    def test_the_gateway_itself_goes_out(self):
        self.lab.spid(ZONES + "hook forward, output, input\nallow self to any tcp 80\nreject lan to any tcp 81\n")
        for address in (SERVER4, f"[{SERVER6}]"):
            self.assertEqual(self.lab.get(f"http://{address}/", host="gateway")[:2], (0, "hello from server\n"))
        self.assertEqual(self.lab.get(f"http://{SERVER4}:81/", host="gateway", seconds=1)[0], 28)
        # Its own answers to rejected packets are not judged again.
        self.assertEqual(self.lab.get(f"http://{SERVER4}:81/", seconds=2)[0], 7)
        self.assertEqual(self.lab.get(f"http://[{SERVER6}]:81/", seconds=2)[0], 7)


if __name__ == "__main__":
    lab_module.main(Lifecycle)
