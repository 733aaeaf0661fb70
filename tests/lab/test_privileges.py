#!/usr/bin/env python3
"""The lab: what the daemon may still do once it has started, and that it does all of its work with that."""
import os
import signal
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CHANGERS, READERS, SERVER4, SERVER6, SPID_USER, LabTest

RULES = """zone lan = eth1
zone wan = eth0
fastpath auto
allow lan to any tcp 80, udp 5300
reject lan to any tcp 25
"""
MORE = "allow lan to any icmp 8\n"

CAP_NET_ADMIN = 1 << 12

def threads(pid):
    """The status of each thread of a process: its lines by their names."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            found.append(dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line))
    return found


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


class Privileges(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bpf = cls.lab.mount_bpf()
        cls.lab.web("server", 80, size=2_000_000)
        cls.lab.udp_echo("server", 5300)
        with open(os.path.join(cls.lab.build, "config.h")) as file:
            text = file.read()
        cls.filtered = "#define HAVE_SECCOMP 1" in text
        cls.sanitized = "#define SANITIZERS 1" in text

    def tearDown(self):
        self.clear(RULES)

    def refused(self, port):
        """Is the connection answered with a reset, and not by silence?"""
        code = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
    print("open")
except OSError as e:
    print(type(e).__name__)
"""
        return self.lab.python("client", code, SERVER4, str(port)).stdout.strip() == "ConnectionRefusedError"

    def is_small(self, pid, user=SPID_USER):
        every = threads(pid)
        self.assertGreaterEqual(len(every), 2)
        for status in every:
            self.assertEqual(set(status["Uid"].split()), {str(user)})
            for name, wanted in ("CapPrm", CAP_NET_ADMIN), ("CapEff", CAP_NET_ADMIN), ("CapInh", 0), ("CapBnd", 0), ("CapAmb", 0):
                self.assertEqual(int(status[name], 16), wanted, name)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "2" if self.filtered else "0")
            if user != 0:
                self.assertEqual(set(status["Gid"].split()), {str(READERS)})
                self.assertEqual(set(status["Groups"].split()) - {str(READERS)}, set())

    def works(self, spid):
        """What the daemon does all day."""
        self.assertTrue(self.refused(25))
        self.assertEqual(self.lab.udp(SERVER4, 5300), "answer")
        self.assertEqual(self.lab.get(f"http://[{SERVER6}]/")[0], 0)
        status = spid.ask("status")[0]
        self.assertTrue(all(queue.get("waiting") is not None for queue in status["queues"]), status["queues"])
        return status

    def test_a_whole_life(self):
        spid = self.lab.spid(RULES, "--pidfile", os.path.join(self.lab.folder, "pid"))
        self.is_small(spid.process.pid)
        self.works(spid)
        # A rules file that root alone may read.
        os.chmod(spid.rules, 0o600)
        self.assertFalse(self.lab.ping(SERVER4))
        spid.reload(RULES + MORE)
        self.assertEqual(stat.S_IMODE(os.stat(spid.rules).st_mode), 0o600)
        self.assertTrue(self.lab.ping(SERVER4))
        self.assertNotIn("out of reach", spid.log())
        self.assertEqual(spid.ctl("kill", "any to any").returncode, 0)
        download = self.lab.start("client", "curl", "-s", "-o", "/dev/null", f"http://{SERVER4}/slow/file")
        if self.bpf:
            lab_module.wait_until(lambda: spid.ask("status")[0]["fastpath"].get("packets", 0) > 0, what="the fast path")
        lab_module.wait_until(lambda: [one for one in spid.ask("states")[:-1] if one["dport"] == 80], what="the download")
        self.assertEqual(spid.ctl("kill", "lan to any tcp 80").stdout, "1 connections cut\n")
        download.kill()
        self.is_small(spid.process.pid)
        self.works(spid)
        pins = self.lab.run("gateway", "sh", "-c", "ls -d /sys/fs/bpf/spid-*").stdout
        self.assertEqual(bool(pins), self.bpf)
        self.assertEqual(spid.stop(signal.SIGINT), 0)
        self.assertNotIn("spid-", self.lab.kernel_rules())
        self.assertEqual(self.lab.run("gateway", "sh", "-c", "ls -d /sys/fs/bpf/spid-*").stdout, "")
        self.assertFalse(os.path.exists(spid.socket))
        self.assertFalse(os.path.exists(os.path.join(self.lab.folder, "pid")))
        self.assertEqual(spid.process.returncode, 0)

    def test_term_leaves_the_hook(self):
        spid = self.lab.spid(RULES)
        installed = self.lab.kernel_rules()
        self.assertEqual(spid.stop(signal.SIGTERM), 0)
        self.assertEqual(self.lab.kernel_rules(), installed)
        self.assertFalse(os.path.exists(spid.socket))

    def test_no_steward_outlives_the_daemon_or_removes_anything_when_it_is_gone(self):
        spid = self.lab.spid(RULES)
        stewards = children(spid.process.pid)
        self.assertEqual(len(stewards), 1)
        # It has its privileges, and nothing of the daemon's but what they talk through.
        with open(f"/proc/{stewards[0]}/status") as file:
            self.assertIn("Uid:\t0\t0\t0\t0", file.read())
        held = [os.readlink(f"/proc/{stewards[0]}/fd/{fd}") for fd in os.listdir(f"/proc/{stewards[0]}/fd") if int(fd) > 2]
        self.assertEqual([link.split(":")[0] for link in held], ["socket"])
        spid.stop(signal.SIGKILL)
        lab_module.wait_until(lambda: not os.path.exists(f"/proc/{stewards[0]}"), what="the steward's end")

        spid = self.lab.spid(RULES)
        installed = self.lab.kernel_rules()
        steward, = children(spid.process.pid)
        os.kill(steward, signal.SIGTERM)
        os.kill(steward, signal.SIGINT)
        os.chmod(spid.rules, 0o600)
        spid.reload(RULES)
        self.assertEqual(children(spid.process.pid), [steward])
        os.kill(steward, signal.SIGKILL)
        self.assertEqual(self.works(spid)["ok"], True)
        spid.stop(signal.SIGINT)
        self.assertIn("the hook could not be removed: the steward", spid.log())
        self.assertEqual(self.lab.kernel_rules(), installed)
        self.assertNotEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 0)

    def test_files_that_root_alone_may_read(self):
        folder = os.path.join(self.lab.folder, "conf.d")
        os.makedirs(folder)
        included, addresses = os.path.join(folder, "more.rules"), os.path.join(self.lab.folder, "addresses.txt")
        for path, text in (included, MORE), (addresses, f"{SERVER4}\n"):
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o600)
        rules = RULES.replace("allow lan", 'set servers = file "addresses.txt"\nallow lan to servers tcp 81\nallow lan', 1)
        rules += 'include "conf.d/*.rules"\n'
        # A list of addresses is no rules file: that its reload will fail is said at the start.
        spid = self.lab.spid(rules)
        self.assertIn("addresses.txt is out of reach for the user spid: a reload will be refused; chgrp spid", spid.log())
        self.assertNotIn("more.rules", spid.log())
        log = spid.reload(rules, expect="reload refused")
        self.assertIn("addresses.txt is out of reach", log)
        self.assertTrue(self.lab.ping(SERVER4))
        os.chown(addresses, 0, READERS)
        os.chmod(addresses, 0o640)
        spid.reload(rules)
        self.assertTrue(self.lab.ping(SERVER4))
        # What lies in a folder that cannot be looked into is not taken for nothing.
        os.chmod(folder, 0o700)
        self.assertIn("conf.d", spid.reload(rules, expect="reload refused"))
        self.assertTrue(self.lab.ping(SERVER4))

    def test_without_the_user(self):
        nobody = 'grep -v ^spid: /etc/passwd >"$0" && mount --bind "$0" /etc/passwd && exec "$@"'
        spid = self.lab.spid(RULES, prefix=("sh", "-c", nobody, os.path.join(self.lab.folder, "without")))
        self.assertIn("warning: there is no user 'spid': the daemon stays root, with CAP_NET_ADMIN only; make one", spid.log())
        self.is_small(spid.process.pid, user=0)
        self.works(spid)
        spid.reload(RULES + MORE)
        self.assertTrue(self.lab.ping(SERVER4))
        spid.stop(signal.SIGINT)
        self.assertNotIn("spid-", self.lab.kernel_rules())

    def test_started_as_somebody_with_the_capabilities(self):
        os.chmod(self.lab.folder, 0o777)
        self.addCleanup(os.chmod, self.lab.folder, 0o755)
        capabilities = "-all,+net_admin,+net_raw,+dac_override"
        spid = self.lab.spid(RULES.replace("auto", "off"), prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                                                   f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"))
        for status in threads(spid.process.pid):
            self.assertEqual(set(status["Uid"].split()), {"65534"})
            for name, wanted in ("CapPrm", CAP_NET_ADMIN), ("CapEff", CAP_NET_ADMIN), ("CapInh", 0), ("CapAmb", 0):
                self.assertEqual(int(status[name], 16), wanted, name)
        self.assertTrue(self.refused(25))
        spid.stop(signal.SIGINT)
        self.assertNotIn("spid-", self.lab.kernel_rules())

    def test_the_two_levels_of_the_control_socket(self):
        spid = self.lab.spid(RULES + "set abusers = dynamic max 4 timeout 1h\ndeny lan to abusers\n")
        program = os.path.join(self.lab.build, "spidctl")
        reading, changing = (["status"], ["rules"], ["states"], ["drops"], ["metrics"], ["set", "abusers", "list"]), \
            (["set", "abusers", "add", "192.0.2.1"], ["set", "abusers", "delete", "192.0.2.1"], ["kill", "wan to any"], ["reload"],
             ["reload", "--confirm", "60"], ["confirm"])
        readers, changers = "is for root and members of the group spid\n", "is for root and members of the group spid-admin\n"
        for groups, may_read, may_change in ((["--regid=65534", "--clear-groups"], False, False),
                                             (["--regid=65534", f"--groups=4,{READERS}"], True, False),
                                             ([f"--regid={READERS}", "--clear-groups"], True, False),
                                             (["--regid=65534", f"--groups=4,{CHANGERS}"], True, True),
                                             ([f"--regid={CHANGERS}", "--clear-groups"], True, True)):
            for commands, may, group in (reading, may_read, readers), (changing, may_change, changers):
                for command in commands:
                    done = self.lab.run("gateway", "setpriv", "--reuid=65534", *groups, program, "-S", spid.socket, *command)
                    self.assertEqual((done.returncode == 0, may or done.stderr.endswith(group)), (may, True),
                                     (groups, command, done.stderr))


if __name__ == "__main__":
    lab_module.main(Privileges)
