#!/usr/bin/env python3
"""The lab: what goes wrong around the daemon. It goes on judging, and says what is wrong and how it is mended."""
import calendar
import json
import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from bystander import PORT, Bystander, serve
from lab import CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, SERVER4, SERVER6, LabTest, wait_until

ZONES = "zone lan = eth1\nzone wan = eth0\n"
RULES = ZONES + f"hook forward, input\nallow lan to wan tcp {PORT}, tcp 80, udp 5300\nallow lan to self tcp 80\n"
MANY = ZONES + "hook forward, input\n" + "".join(
    f"deny 10.{i // 250}.{i % 250}.0/24 to 198.51.100.0/24 tcp {1 + i * 7 % 60000}\n" for i in range(10000)) + RULES[len(ZONES) + 20:]


class Drills(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.web("gateway", 80)
        cls.lab.udp_echo("server", 5300)
        serve(cls.lab)

    def spid(self, rules=RULES, *options, **more):
        spid = self.lab.spid(rules, *options, **more)
        self.addCleanup(spid.stop)
        return spid

    def passes(self, address=SERVER4):
        return self.lab.get(f"http://{address}/", seconds=2)[0] == 0

    def bystander(self):
        return Bystander(self.lab, self.id())

    def inside(self, spid, *words):
        """Runs it in the daemon's mount namespace."""
        return self.lab.run("gateway", "nsenter", "--target", str(spid.process.pid), "--mount", *words)

    # ---- signals and reloads ----

    def test_a_storm_of_hup(self):
        spid, bystander = self.spid(), self.bystander()
        for _ in range(200):
            spid.process.send_signal(signal.SIGHUP)
            time.sleep(0.005)
        spid.reload(RULES)
        self.assertEqual(bystander.end(), [])
        # Of signals that came while one waited there is one reload; each has its own generation.
        status = spid.ask("status")[0]
        self.assertTrue(2 < status["generation"] <= 202, status["generation"])
        self.assertEqual(spid.log().count("reloaded "), status["generation"] - 1)

    def test_ten_thousand_rules_and_back(self):
        spid, bystander = self.spid(), self.bystander()
        for _ in range(2):
            spid.write(MANY)
            done = spid.ctl("reload")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(spid.ask("rules")[0]["rules"]), 10000 + 3)
            self.assertGreater(spid.ctl("metrics").stdout.count("spid_rule_packets"), 10000)
            spid.write(RULES)
            self.assertEqual(spid.ctl("reload").returncode, 0)
        self.assertEqual(bystander.end(), [])

    def test_no_memory_for_a_reload(self):
        spid, bystander = self.spid(), self.bystander()
        if self.sanitized():
            self.skipTest("a sanitizer needs address space of its own")
        with open(f"/proc/{spid.process.pid}/status") as file:
            size = next(int(line.split()[1]) for line in file if line.startswith("VmSize:")) * 1024
        # From nothing at all to nearly enough: wherever it ends, the old rules hold.
        refused = 0
        for more in (0, 1 << 20, 4 << 20, 16 << 20, 20 << 20, 40 << 20, 80 << 20, 160 << 20, 320 << 20, 640 << 20):
            spid.limit(f"--as={size + more}:")
            spid.write(MANY)
            before = len(spid.log())
            spid.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reload refused" in spid.log()[before:] or "reloaded" in spid.log()[before:], 30, "a reload")
            if "reload refused" in spid.log()[before:]:
                refused += 1
                self.assertIn("memory", spid.log()[before:])
        self.assertGreater(refused, 4)
        self.assertEqual(len(spid.ask("rules")[0]["rules"]), 10000 + 3)
        spid.limit("--as=unlimited:")
        spid.reload(RULES)
        self.assertEqual(bystander.end(), [])
        self.assertTrue(self.passes())

    def sanitized(self):
        with open(os.path.join(self.lab.build, "spid"), "rb") as file:
            return b"__asan_init" in file.read()

    # ---- what the machine does ----

    def test_an_interface_that_goes_and_comes_back(self):
        spid = self.spid()
        self.assertTrue(self.passes() and self.passes(f"[{SERVER6}]"))
        self.lab.run("gateway", "ip", "link", "del", "eth1", check=True)
        self.assertEqual(spid.ctl("status").returncode, 0)
        self.lab._wire("client", "lan0", CLIENT4, CLIENT6, "eth1", GATEWAY4, GATEWAY6)
        wait_until(lambda: self.passes() and self.passes(f"[{SERVER6}]"), 20, "a connection over the new interface")
        self.assertTrue(self.passes(GATEWAY4))
        # One that nobody named is in no zone.
        self.lab.run("gateway", "ip", "link", "set", "eth1", "down", check=True)
        self.lab.run("gateway", "ip", "link", "set", "eth1", "name", "eth7", check=True)
        self.lab.run("gateway", "ip", "link", "set", "eth7", "up", check=True)
        wait_until(lambda: not self.passes(), 20, "no connection over an interface of another name")
        self.lab.run("gateway", "ip", "link", "set", "eth7", "down", check=True)
        self.lab.run("gateway", "ip", "link", "set", "eth7", "name", "eth1", check=True)
        self.lab.run("gateway", "ip", "link", "set", "eth1", "up", check=True)
        wait_until(self.passes, 20, "a connection again")

    def test_all_addresses_change(self):
        self.spid()
        bystander = self.bystander()
        self.assertTrue(self.passes(GATEWAY4))
        self.lab.run("gateway", "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1", check=True)
        for old, new in (GATEWAY4, "192.168.10.2"), ("192.168.10.2", GATEWAY4):
            self.lab.run("gateway", "ip", "addr", "add", f"{new}/24", "dev", "eth1", check=True)
            self.lab.run("client", "ip", "route", "replace", "default", "via", new, check=True)
            self.lab.run("gateway", "ip", "addr", "del", f"{old}/24", "dev", "eth1", check=True)
            wait_until(lambda: self.passes(new), 20, "a connection to the new address")
        self.assertEqual(bystander.end(), [])

    def test_the_clock_on_the_wall_steps(self):
        wall = os.path.join(self.lab.folder, "wall")

        def at(day, hour):
            """The wall's clock is at this day (0: Monday) and hour, UTC, from now on."""
            now = time.gmtime()
            midnight = calendar.timegm((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0)) - now.tm_wday * 86400
            with open(wall, "r+b" if os.path.exists(wall) else "wb") as file:
                file.write(struct.pack("q", int(midnight + day * 86400 + hour * 3600 - time.time())))

        at(0, 12)
        library = os.path.join(self.lab.build, "tests", "lab", "wall.so")
        spid = self.spid(RULES + "schedule evening = mon 18:00-20:00\nallow lan to any icmp 8 when evening\n",
                         prefix=("env", f"LD_PRELOAD={library}", f"SPID_WALL={wall}", "TZ=UTC",
                                 "ASAN_OPTIONS=verify_asan_link_order=0"))
        bystander = self.bystander()
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        self.assertFalse(self.lab.ping(SERVER4))
        spid.ctl("reload", "--confirm", "1000")
        at(0, 19)
        spid.wait_for("schedule evening begins")
        self.assertTrue(self.lab.ping(SERVER4))
        # A week further, and two years back: connections, their timers, and rules on trial have no such clock.
        at(7, 19)
        at(-700, 12)
        spid.wait_for("schedule evening ends")
        self.assertFalse(self.lab.ping(SERVER4))
        status = spid.ask("status")[0]
        self.assertGreater(status["trial"]["left"], 500)
        udp = json.loads(spid.ctl("--json", "states", "lan to any udp 5300").stdout.splitlines()[0])
        self.assertEqual(udp["dport"], 5300)
        self.assertTrue(0 <= udp["age"] < 500 and 0 <= udp["expires"] < 500, udp)
        at(0, 19)
        wait_until(lambda: spid.log().count("schedule evening begins") == 2, what="the evening")
        self.assertEqual(bystander.end(), [])

    # ---- the system refuses ----

    def in_own_run(self, words):
        """A daemon whose /run is a file system of its own, of which WORDS make what is there."""
        return self.spid(RULES, "-S", "/run/spid/spid.sock", prefix=(
            "unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount -t tmpfs none /run && {words} && exec "$0" "$@"'))

    def status_inside(self, spid):
        return self.inside(spid, os.path.join(self.lab.build, "spidctl"), "-S", "/run/spid/spid.sock", "status").returncode

    def test_run_is_read_only_from_the_start(self):
        spid = self.in_own_run("mkdir -m 777 /run/spid && mount -o remount,ro /run")
        self.assertIn("control socket /run/spid/spid.sock cannot be made: Read-only file system", spid.log())
        bystander = self.bystander()
        self.inside(spid, "mount", "-o", "remount,rw", "/run")
        spid.wait_for("/run/spid/spid.sock has been made")
        self.assertEqual(spid.log().count("cannot be made"), 1)
        self.assertEqual(self.status_inside(spid), 0)
        self.assertEqual(bystander.end(), [])

    def test_run_is_read_only_and_has_no_folder(self):
        spid = self.in_own_run("mount -o remount,ro /run")
        self.assertIn("control socket /run/spid/spid.sock cannot be made: ", spid.log())
        self.assertTrue(self.passes())
        spid.reload(RULES + "# another\n")

    def test_run_becomes_read_only(self):
        spid = self.in_own_run("true")
        bystander = self.bystander()
        self.inside(spid, "mount", "-o", "remount,ro", "/run")
        self.assertEqual(self.status_inside(spid), 0)
        spid.reload(RULES + "# another\n")
        # Somebody took the file away before.
        self.inside(spid, "mount", "-o", "remount,rw", "/run")
        self.inside(spid, "sh", "-c", "mv /run/spid/spid.sock /run/elsewhere && mount -o remount,ro /run")
        spid.wait_for("cannot be made: Read-only file system")
        self.assertNotEqual(self.status_inside(spid), 0)
        self.inside(spid, "mount", "-o", "remount,rw", "/run")
        wait_until(lambda: self.status_inside(spid) == 0, what="the socket")
        self.assertEqual(bystander.end(), [])

    def test_few_descriptors_at_the_start(self):
        for most in 4, 8, 12:
            spid = self.spid(ready=False, prefix=("prlimit", f"--nofile={most}"))
            wait_until(lambda: spid.process.poll() is not None or "ready: " in spid.log(), 20, "a start or its refusal")
            if spid.process.poll() is not None:
                self.assertNotEqual(spid.process.returncode, 0)
                self.assertIn("Too many open files", spid.log(), most)
            spid.stop()

    def test_a_second_daemon_changes_nothing(self):
        first, bystander = self.spid(), self.bystander()
        installed = self.lab.kernel_rules()
        for words in [], ["-S", os.path.join(self.lab.folder, "second.sock")]:
            second = self.lab.spid(RULES, *words, ready=False)
            self.assertEqual(second.process.wait(20), 1)
        self.assertEqual(self.lab.kernel_rules(), installed)
        self.assertEqual(first.ctl("status").returncode, 0)
        self.assertEqual(bystander.end(), [])


if __name__ == "__main__":
    lab_module.main(Drills)
