#!/usr/bin/env python3
"""The lab: what the daemon tells systemd, by a real reader of its socket; the bounds of the unit; the time before the daemon."""
import ctypes
import os
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import GATEWAY4, GATEWAY6, READERS, SERVER4, SERVER6, SPID_USER, LabTest

ZONES = "zone lan = eth1\nzone wan = eth0\n"
RULES = ZONES + "allow lan to any tcp 80\nreject lan to any tcp 25\n"

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


class Manager:
    """Who listens where systemd would."""

    def __init__(self, lab, name):
        self.path = os.path.join(lab.folder, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.heard = []

    def environment(self, *more):
        return "env", f"NOTIFY_SOCKET={self.path}", *more

    def listen(self, seconds):
        """The next message as a dictionary; None when there is none in that time."""
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return None
        self.heard.append(dict(line.split("=", 1) for line in text.split("\n")))
        return self.heard[-1]

    def wait_for(self, name, value=None, seconds=20):
        """The next message with NAME (of this VALUE)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.listen(max(0.01, end - time.monotonic()))
            if message is not None and name in message and value in (None, message[name]):
                return message
        raise TimeoutError(f"{name} was not told: {self.heard}")


class Frozen:
    """One thread of a process, stopped while the others go on."""

    def __init__(self, thread):
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WALL)

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


def monotonic_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


class Systemd(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.web("gateway", 80)

    def tearDown(self):
        self.clear(RULES)

    def passes(self):
        return self.lab.get(f"http://{SERVER4}/", seconds=1)[0] == 0, self.lab.get(f"http://[{SERVER6}]/", seconds=1)[0] == 0

    def test_what_systemd_is_told(self):
        manager = Manager(self.lab, "notify")
        spid = self.lab.spid(RULES, prefix=manager.environment())
        ready = manager.wait_for("READY", "1")
        self.assertIn("lab.rules, generation 1, 2 rules", ready["STATUS"])
        before = monotonic_us()
        spid.reload(RULES + "allow lan to any icmp 8\n")
        reloading = manager.wait_for("RELOADING", "1")
        self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) <= monotonic_us(), reloading)
        self.assertIn("generation 2, 3 rules", manager.wait_for("READY", "1")["STATUS"])
        # A reload that is refused has an end, too.
        spid.reload(ZONES + "allow lan to nowhere\n", expect="reload refused")
        manager.wait_for("RELOADING", "1")
        self.assertIn("generation 2, 3 rules", manager.wait_for("READY", "1")["STATUS"])
        spid.write(RULES)
        self.assertEqual(spid.ctl("reload", "--confirm", "600").returncode, 0)
        manager.wait_for("RELOADING", "1")
        self.assertIn("on trial", manager.wait_for("READY", "1")["STATUS"])
        self.assertEqual(spid.ctl("rollback").returncode, 0)
        self.assertIn("generation 4, 3 rules, rolled back", manager.wait_for("READY", "1")["STATUS"])
        spid.stop(signal.SIGTERM)
        manager.wait_for("STOPPING", "1")
        self.assertFalse(any("WATCHDOG" in message for message in manager.heard))
        for number in signal.SIGTERM, signal.SIGKILL, signal.SIGINT:
            spid = self.lab.spid(RULES, prefix=manager.environment())
            manager.wait_for("READY", "1")
            self.assertEqual(self.passes(), (True, True))
            spid.stop(number)

    def test_a_start_that_fails_is_never_ready(self):
        manager = Manager(self.lab, "refused")
        spid = self.lab.spid(ZONES + "allow lan to nowhere\n", ready=False, prefix=manager.environment())
        self.assertEqual(spid.process.wait(20), 1)
        while manager.listen(0.01) is not None:
            pass
        self.assertEqual([message for message in manager.heard if "READY" in message], [])

    def test_the_watchdog_hears_nothing_while_a_worker_is_stuck(self):
        manager = Manager(self.lab, "watchdog")
        spid = self.lab.spid(RULES, prefix=manager.environment("WATCHDOG_USEC=1000000"))
        for _ in range(3):
            manager.wait_for("WATCHDOG", "1")
        main = spid.process.pid
        worker = next(int(task) for task in os.listdir(f"/proc/{main}/task") if int(task) != main)
        with Frozen(worker):
            spid.wait_for("a worker is stuck")
            while manager.listen(0.01) is not None:
                pass
            # Three times what would have it told; the main loop turns meanwhile.
            self.assertIsNone(manager.listen(1.5))
            self.assertTrue(spid.ask("status")[0]["ok"])
        for _ in range(3):
            manager.wait_for("WATCHDOG", "1")
        spid.stop(signal.SIGINT)

    def test_another_processs_watchdog_is_not_ours(self):
        manager = Manager(self.lab, "anothers")
        spid = self.lab.spid(RULES, prefix=manager.environment("WATCHDOG_USEC=500000", "WATCHDOG_PID=1"))
        manager.wait_for("READY", "1")
        self.assertIsNone(manager.listen(1.5))
        spid.stop(signal.SIGINT)
        manager.wait_for("STOPPING", "1")

    def test_in_the_bounds_of_the_unit(self):
        """Its capabilities and no new privileges, its folder, and the whole of a life."""
        with open(os.path.join(self.lab.build, "systemd/spid.service")) as file:
            unit = file.read()
        names = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].lower().split()
        bounds = ",".join(["-all"] + [name.replace("cap_", "+") for name in names])
        fast = self.lab.mount_bpf()
        folder = os.path.join(self.lab.folder, "run")
        os.mkdir(folder)
        os.chown(folder, SPID_USER, READERS)
        spid = self.lab.spid(RULES, "-S", os.path.join(folder, "spid.sock"),
                             prefix=("setpriv", f"--bounding-set={bounds}", "--inh-caps=-all", "--no-new-privs"))
        spid.socket = os.path.join(folder, "spid.sock")
        os.chmod(spid.rules, 0o600)
        self.assertEqual(self.passes(), (True, True))
        self.assertEqual(spid.ask("status")[0]["fastpath"].get("missing") is None, fast)
        # Reloaded as systemd would: as root where the line says so (!), else as the unit's user.
        root, program, words = re.search(r"^ExecReload=(!?)\S*/(spidctl) (.*)$", unit, re.M).groups()
        user = [] if root else ["setpriv", f"--reuid={SPID_USER}", f"--regid={READERS}", "--clear-groups"]
        spid.write(RULES + "allow lan to any icmp 8\n")
        done = self.lab.run("gateway", *user, os.path.join(self.lab.build, program), "-S", spid.socket, *words.split())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(self.lab.ping(SERVER4))
        self.assertEqual(spid.stop(signal.SIGINT), 0)
        self.assertEqual(os.listdir(folder), [])
        self.assertNotIn("spid-", self.lab.kernel_rules())
        self.assertNotIn("warning", spid.log())

    # ---- before there is a daemon ----

    def lockdown(self, rules, *options):
        path = os.path.join(self.lab.folder, "lockdown.rules")
        with open(path, "w") as file:
            file.write(rules)
        return self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "--lockdown", "-c", path, *options)

    def local(self):
        return self.lab.run("gateway", "curl", "-s", "-m1", "http://127.0.0.1/").returncode == 0

    def own(self):
        return self.lab.get(f"http://{GATEWAY4}/", seconds=1)[0] == 0

    def test_lockdown_until_the_daemon_is_ready(self):
        rules = ZONES + "hook forward, input\nallow lan to any tcp 80\n"
        self.assertEqual((self.passes(), self.own()), ((True, True), True))
        done = self.lockdown(rules)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((self.passes(), self.own(), self.local()), ((False, False), False, True))
        # Who asks for its link address is answered, and for nothing else.
        self.lab.run("client", "ip", "-6", "neigh", "flush", "dev", "lan0")
        self.assertFalse(self.lab.ping(GATEWAY6))
        self.assertIn("lladdr", self.lab.run("client", "ip", "-6", "neigh", "show", GATEWAY6).stdout)
        # Twice is as good as once.
        self.assertEqual(self.lockdown(rules).returncode, 0)
        # A daemon that does not start leaves it closed.
        self.assertEqual(self.lab.spid(ZONES + "allow lan to nowhere\n", ready=False).process.wait(20), 1)
        self.assertEqual((self.passes(), self.own()), ((False, False), False))
        spid = self.lab.spid(rules)
        self.assertEqual((self.passes(), self.own()), ((True, True), True))
        self.assertNotIn("DROP", self.lab.kernel_rules())
        # The hook of a daemon is not touched.
        installed = self.lab.kernel_rules()
        self.assertEqual(self.lockdown(rules).returncode, 0)
        self.assertEqual(self.lab.kernel_rules(), installed)
        spid.stop(signal.SIGINT)
        self.assertNotIn("spid-", self.lab.kernel_rules())

    def test_lockdown_of_more_than_the_daemon_hooks(self):
        self.assertEqual(self.lockdown(RULES, "-H", "forward,input").returncode, 0)
        self.assertFalse(self.own())
        spid = self.lab.spid(RULES)
        self.assertEqual((self.passes(), self.own()), ((True, True), True))
        spid.stop(signal.SIGINT)

    def test_lockdown_by_a_file_that_is_refused(self):
        done = self.lockdown(ZONES + "hook forward, input\nallow lan to nowhere\n")
        self.assertEqual(done.returncode, 0)
        self.assertIn("is refused (spid --check says why): only what is forwarded is closed", done.stderr)
        self.assertEqual((self.passes(), self.own()), ((False, False), True))


if __name__ == "__main__":
    lab_module.main(Systemd)
