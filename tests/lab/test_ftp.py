#!/usr/bin/env python3
"""The lab: FTP transfers of real clients and a real server, with exactly one rule, both ways round, over both families."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, OUTSIDE4, SERVER4, SERVER6, Lab, tmpfs, wait_until

LONG = bool(os.environ.get("SPID_LAB_LONG"))
BYTES = 50_000_000

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any tcp 21{alg} as "ftp"
default deny log 100/s
"""

VSFTPD = """
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_root={root}
anon_umask=022
secure_chroot_dir={empty}
connect_from_port_20=YES
pasv_enable=YES
pasv_promiscuous=YES
seccomp_sandbox=NO
isolate_network=NO
xferlog_enable=NO
ssl_enable=YES
allow_anon_ssl=YES
rsa_cert_file={certificate}
"""

# Speaks FTP by hand, so that one command stands where another would; prints what came back.
BY_HAND = """
import socket, sys
control = socket.create_connection((sys.argv[1], 21), 10)
control.settimeout(float(sys.argv[2]))
reader = control.makefile("rb")
print(reader.readline().decode().strip())
for line in ["USER anonymous", "PASS x"] + sys.argv[3:]:
    control.sendall(line.encode() + b"\\r\\n")
    try:
        print(reader.readline().decode().strip())
    except TimeoutError:
        print("nothing:", line)
        break
"""


# Waits for a line on standard input between an announcement and its use, in the middle of the transfer, and behind it.
IN_PIECES = """
import re, socket, sys
control = socket.create_connection((sys.argv[1], 21), 30)
reader = control.makefile("rb")
def say(line):
    control.sendall(line.encode() + b"\\r\\n")
    return reader.readline().decode()
def pause(word):
    print(word, flush=True)
    sys.stdin.readline()
def announce():
    numbers = [int(n) for n in re.search(r"\\(([0-9,]+)\\)", say("PASV"))[1].split(",")]
    return numbers[4] * 256 + numbers[5]
reader.readline(), say("USER anonymous"), say("PASS x"), say("TYPE I")
for _ in range(2):
    port = announce()
    pause("announced")
    data = socket.create_connection((sys.argv[1], port), 30)
    say("RETR file")
    got = len(data.recv(1000))
    pause("begun")
    while more := len(data.recv(65536)):
        got += more
    data.close()
    reader.readline()
    print(got, flush=True)
"""


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Ftp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        root, empty = os.path.join(lab.folder, "ftp"), os.path.join(lab.folder, "empty")
        cls.up = os.path.join(root, "up")
        for folder in (root, empty, cls.up):
            os.makedirs(folder)
        shutil.chown(cls.up, "ftp")
        cls.file = os.path.join(root, "file")
        with open(cls.file, "wb") as file:
            file.write(os.urandom(1 << 20) * (BYTES // (1 << 20)))
        certificate = os.path.join(lab.folder, "certificate")
        lab.run("server", "openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=lab", "-keyout",
                certificate, "-out", certificate + ".pem", check=True)
        with open(certificate, "a") as both, open(certificate + ".pem") as public:
            both.write(public.read())
        config = os.path.join(lab.folder, "vsftpd.conf")
        with open(config, "w") as file:
            file.write(VSFTPD.format(root=root, empty=empty, certificate=certificate))
        lab.start("server", "vsftpd", config)
        wait_until(lambda: lab.run("server", "curl", "-s", "-m2", "ftp://127.0.0.1/").returncode == 0,
                   what="the FTP server")
        cls.sum = digest(cls.file)
        cls.spid = lab.spid(RULES.format(alg=" alg ftp"))

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def explain(self, words):
        return json.loads(self.spid.ctl("--json", "explain", words).stdout)

    def with_alg(self, words=" alg ftp"):
        self.spid.reload(RULES.format(alg=words))

    def curl(self, *words, seconds=40, host="client"):
        return self.lab.run(host, "curl", "-sS", "-m", str(seconds), *words, timeout=seconds + 20)

    def transfer(self, url, *words):
        """The file down and up again; it must be the same both times."""
        down = os.path.join(self.lab.folder, "down")
        done = self.curl(*words, "-o", down, url + "file")
        self.assertEqual(done.returncode, 0, f"{url} {words}: {done.stderr}\n{self.spid.log()[-2000:]}")
        self.assertEqual(digest(down), self.sum)
        done = self.curl(*words, "-T", self.file, url + "up/copy")
        self.assertEqual(done.returncode, 0, f"{url} {words}: {done.stderr}\n{self.spid.log()[-2000:]}")
        copy = os.path.join(self.up, "copy")
        self.assertEqual(digest(copy), self.sum)
        os.remove(copy)

    def test_passive_and_active_over_both_families(self):
        for url in (f"ftp://{SERVER4}/", f"ftp://[{SERVER6}]/"):
            self.transfer(url)
            self.transfer(url, "--ftp-port", "-")
        self.transfer(f"ftp://{SERVER4}/", "--disable-epsv")
        self.transfer(f"ftp://{SERVER4}/", "--ftp-port", "-", "--disable-eprt")

    def test_lftp(self):
        for mode in ("true", "false"):
            for address in (SERVER4, SERVER6):
                target = os.path.join(self.lab.folder, f"lftp-{mode}")
                done = self.lab.run("client", "lftp", "-c", f"set net:timeout 10; set net:max-retries 2; set ftp:passive-mode {mode}; "
                                    f"set ftp:ssl-allow false; open ftp://{address}; get -e file -o {target}", timeout=90)
                self.assertEqual(done.returncode, 0, done.stderr + self.spid.log()[-2000:])
                self.assertEqual(digest(target), self.sum)
                os.remove(target)

    def test_without_alg_the_transfer_fails(self):
        self.with_alg("")
        for words in ((), ("--ftp-port", "-")):
            done = self.curl(*words, f"ftp://{SERVER4}/file", "-o", "/dev/null", seconds=3)
            self.assertNotEqual(done.returncode, 0)
        self.with_alg()
        self.assertEqual(self.curl(f"ftp://{SERVER4}/file", "-o", "/dev/null").returncode, 0)

    def test_what_nobody_announced_is_refused_meanwhile(self):
        self.lab.web("server", 50000)
        slow = self.lab.start("client", "curl", "-s", "--limit-rate", "2M", f"ftp://{SERVER4}/file", "-o", "/dev/null")
        wait_until(lambda: any("parent" in state for state in self.spid.ask("states")), what="the transfer")
        self.assertEqual(self.lab.get(f"http://{SERVER4}:50000/", seconds=1)[0], 28)
        states = self.spid.ask("states")
        parents = {state["connection"] for state in states if state.get("alg") == "ftp"}
        self.assertTrue(parents & {state["parent"] for state in states if "parent" in state})
        tree = self.spid.ctl("states").stdout
        self.assertIn("alg ftp: listening", tree)
        self.assertIn("\n  tcp", tree)
        slow.kill()
        slow.wait()

    def test_encryption_ends_the_listening_and_is_explained(self):
        client = self.lab.start("client", "curl", "-s", "-m", "5", "-k", "--ssl-reqd", f"ftp://{SERVER4}/file", "-o",
                                "/dev/null")
        control = wait_until(lambda: [state for state in self.spid.ask("states") if state.get("hears") == "encrypted"],
                             what="AUTH TLS")[0]
        answer = self.explain(f"{CLIENT4}@lan port {control['sport']} to {SERVER4}@wan tcp 21")
        self.assertEqual((answer["connection"]["hears"], answer["unheard"]), ("encrypted", None))
        # The transfer that it may have announced.
        transfer = f"{CLIENT4}@lan to {SERVER4}@wan tcp 50001"
        answer = self.explain(transfer)
        self.assertEqual((answer["verdict"], answer["connection"]), ("deny", None))
        self.assertEqual(answer["unheard"]["hears"], "encrypted")
        text = self.spid.ctl("explain", transfer).stdout
        self.assertIn("between the two: tcp", text)
        self.assertIn("its alg listens no more (encrypted)", text)
        self.assertIsNone(self.explain(f"{CLIENT4}@lan to 203.0.113.6@wan tcp 50001")["unheard"])
        self.assertEqual(client.wait(20), 28)
        # Beside it an honest connection is listened to.
        self.assertEqual(self.curl(f"ftp://{SERVER4}/file", "-o", "/dev/null").returncode, 0)

    def test_the_bounce_is_refused_and_logged(self):
        done = self.lab.python("client", BY_HAND, SERVER4, "2", "PORT 192,168,10,99,23,112", "NOOP")
        self.assertIn("nothing: PORT", done.stdout)
        self.spid.wait_for("PORT or EPRT to a host that is not the client")
        done = self.lab.python("client", BY_HAND, SERVER4, "2", "PORT 192,168,10,20,0,22")
        self.assertIn("nothing: PORT", done.stdout)
        reasons = self.spid.ask("status")[0]["reasons"]
        self.assertGreaterEqual(reasons["alg"], 2)

    def test_500_ports_that_nobody_uses_are_bounded(self):
        ports = [f"PORT 192,168,10,20,{100 + i // 250},{i % 250}" for i in range(500)]
        honest = self.lab.start("client", "curl", "-s", "--limit-rate", "5M", f"ftp://{SERVER4}/file", "-o", "/dev/null")
        done = self.lab.python("client", BY_HAND, SERVER4, "10", *ports)
        self.assertEqual(done.stdout.count("200"), 500, done.stdout[-500:])
        self.assertLessEqual(self.spid.ask("status")[0]["alg"]["expected"], 4)
        self.assertEqual(honest.wait(60), 0)

    def test_the_end_of_the_daemon_ends_nothing(self):
        """What is announced, and a transfer that has begun, live through it, and the control connection is listened to again."""
        folder = tmpfs()
        if folder is None:
            self.skipTest("there is no tmpfs for the state table")
        state = os.path.join(folder, f"spid-lab-ftp-{os.getpid()}.state")
        self.addCleanup(lambda: os.path.exists(state) and os.unlink(state))
        rules = RULES.format(alg=" alg ftp")
        self.spid.stop()
        type(self).spid = self.lab.spid(rules, state=state)
        client = subprocess.Popen([*self.lab.entries["client"], sys.executable, "-c", IN_PIECES, SERVER4], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(client)
        for number in (signal.SIGKILL, signal.SIGTERM):
            for word in ("announced", "begun"):
                self.assertEqual(client.stdout.readline(), word + "\n")
                self.spid.stop(number)
                type(self).spid = self.lab.spid(rules, state=state)
                self.assertEqual(self.spid.ask("status")[0]["alg"]["expected"], int(word == "announced"))
                print(file=client.stdin, flush=True)
            self.assertEqual(client.stdout.readline(), f"{os.path.getsize(self.file)}\n")
        client.communicate()
        self.assertFalse(any(c.get("picked_up") for c in self.spid.ask("states")))
        self.spid.stop()
        type(self).spid = self.lab.spid(rules)

    def test_through_masquerading(self):
        """The kernel's NAT helper rewrites what the clients announce; spid judges what stands inside."""
        lab = self.lab
        gateway = [("-t", "nat", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE"),
                   ("-t", "raw", "PREROUTING", "-p", "tcp", "--dport", "21", "-j", "CT", "--helper", "ftp")]
        done = [lab.run("gateway", "iptables", table, name, "-A", *rest) for table, name, *rest in gateway]
        if any(one.returncode != 0 for one in done):
            self.skipTest("this kernel has no FTP helper: " + done[-1].stderr)
        lab.run("server", "ip", "route", "del", "default", check=True)
        try:
            for words in ((), ("--disable-epsv",), ("--ftp-port", "-")):
                result = self.curl(*words, f"ftp://{SERVER4}/file", "-o", "/dev/null")
                self.assertEqual(result.returncode, 0, f"{words} {result.stderr} {self.spid.log()[-1500:]}")
        finally:
            lab.run("server", "ip", "route", "add", "default", "via", OUTSIDE4, check=True)
            for table, name, *rest in gateway:
                lab.run("gateway", "iptables", table, name, "-D", *rest)


if __name__ == "__main__":
    for tool in ("vsftpd", "lftp", "curl", "openssl"):
        os.environ["PATH"] += ":/usr/sbin"
        if shutil.which(tool) is None:
            print(f"skipped: the FTP lab needs {tool}")
            sys.exit(lab_module.SKIP)
    lab_module.main(Ftp)
