#!/usr/bin/env python3
"""The lab: mixed load for SPID_SOAK_SECONDS (600 when SPID_LAB_LONG is set; an hour is 3600). The daemon's memory at the end is
what it was after the first sixth of the time, within 2 % (and a megabyte, where that is less than ten minutes)."""
import json
import os
import random
import shutil
import signal
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, SERVER6, Lab, wait_until

SECONDS = int(os.environ.get("SPID_SOAK_SECONDS", "600" if os.environ.get("SPID_LAB_LONG") else "0"))
CONNECTIONS = 20000
TOLERANCE = 0.02
# In the first ten minutes, the pages of hash tables are still touched one by one.
SETTLING_KB = 0 if SECONDS >= 3600 else 1024

# The second of two has more rules, another order and no place for what the first one allows to port 7.
HEAD = f"""zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
limit connections {CONNECTIONS}
set abusers = dynamic max 1000 timeout 30s
deny abusers to any
"""
TAIL = """allow lan to any tcp 80 as "web" log 5/s
allow lan to any udp 5060 alg sip as "sip"
allow lan to any tcp 21 alg ftp as "ftp"
allow lan to any udp 5300 limit connections 3000 per source
allow lan to any icmp 8, icmp6 128 as "ping"
allow any@lan to any udp 9
"""
FEW = HEAD + TAIL + "allow lan to any udp 7\ndefault deny log 10/s\n"
MANY = HEAD + "".join(f"deny 10.9.{i // 250}.{i % 250} to any udp {1000 + i}\n" for i in range(1000)) + TAIL + \
    "default reject log 10/s\n"
WRONG = HEAD + "allow lan to nowhere tcp 80\n"

VSFTPD = """
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={root}
secure_chroot_dir={empty}
connect_from_port_20=YES
seccomp_sandbox=NO
isolate_network=NO
xferlog_enable=NO
"""

# Answers an INVITE with a port that gives back what it hears, and all else with 200.
PHONE = """
import re, socket, sys, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5060))
sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sound.bind((sys.argv[1], 30000))
def mirror():
    while True:
        data, peer = sound.recvfrom(2000)
        sound.sendto(data, peer)
threading.Thread(target=mirror, daemon=True).start()
open(sys.argv[2], "w").close()
body = f"v=0\\r\\no=- 1 1 IN IP4 {sys.argv[1]}\\r\\ns=-\\r\\nc=IN IP4 {sys.argv[1]}\\r\\nt=0 0\\r\\nm=audio 30000 RTP/AVP 0\\r\\n"
while True:
    data, peer = s.recvfrom(4000)
    lines = data.decode().split("\\r\\n")
    kept = [l for l in lines if re.match("(Via|From|To|Call-ID|CSeq):", l)]
    answer = body if lines[0].startswith("INVITE") else ""
    kept += [f"Contact: <sip:x@{sys.argv[1]}>", "Content-Type: application/sdp", f"Content-Length: {len(answer)}"]
    s.sendto(("SIP/2.0 200 OK\\r\\n" + "\\r\\n".join(kept) + "\\r\\n\\r\\n" + answer).encode(), peer)
"""

# Calls, one after the other: a few packets of sound, and the end, now and then without a good-bye. Prints how many were heard.
CALLS = """
import os, random, socket, sys, time
me, server, stop = sys.argv[1:4]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((me, 5060))
s.settimeout(1)
number = heard = 0
def say(what, body=""):
    s.sendto((f"{what} sip:x@{server} SIP/2.0\\r\\nVia: SIP/2.0/UDP {me}:5060;branch=z9hG4bK{number}{what}\\r\\nFrom: <sip:y@{me}>;tag=1\\r\\n"
              f"To: <sip:x@{server}>;tag=2\\r\\nCall-ID: {number}@{me}\\r\\nCSeq: 1 {what}\\r\\nMax-Forwards: 9\\r\\n"
              f"Contact: <sip:y@{me}>\\r\\nContent-Type: application/sdp\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}").encode(),
             (server, 5060))
    if what != "ACK":
        s.recv(4000)
while not os.path.exists(stop):
    number += 1
    sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = 20000 + number * 2 % 10000
    try:
        sound.bind((me, port))
        sound.settimeout(0.5)
        say("INVITE", f"v=0\\r\\no=- 1 1 IN IP4 {me}\\r\\ns=-\\r\\nc=IN IP4 {me}\\r\\nt=0 0\\r\\nm=audio {port} RTP/AVP 0\\r\\n")
        say("ACK")
        for _ in range(5):
            sound.sendto(b"x" * 160, (server, 30000))
            sound.recv(2000)
        heard += 1
        if random.random() < 0.8:
            say("BYE")
    except OSError:
        pass
    sound.close()
    time.sleep(0.05)
print(heard)
"""

# Datagrams from ever new ports, each to be answered.
UDP = """
import os, socket, sys, time
server, stop, answered = sys.argv[1], sys.argv[2], 0
while not os.path.exists(stop):
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.5)
    try:
        s.connect((server, 5300))
        for _ in range(3):
            s.send(b"x" * 100)
            answered += len(s.recv(2000)) == 100
    except OSError:
        pass
    s.close()
    time.sleep(0.01)
print(answered)
"""

# Runs a command again and again; prints how often it went well.
AGAIN = """
import os, subprocess, sys
stop, well = sys.argv[1], 0
while not os.path.exists(stop):
    well += subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
print(well)
"""


class Soak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if SECONDS == 0:
            raise unittest.SkipTest("takes minutes: SPID_LAB_LONG=1 or SPID_SOAK_SECONDS=N asks for it")
        if shutil.which("vsftpd") is None:
            raise unittest.SkipTest("vsftpd is not here")
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        lab.mount_bpf()
        cls.stop_file = os.path.join(lab.folder, "stop")
        lab.web("server", 80, size=5_000_000)
        lab.udp_echo("server", 5300)
        lab.run("server", "ip", "route", "add", "blackhole", "10.0.0.0/8", check=True)
        cls.serve_ftp()
        ready = os.path.join(lab.folder, "phone")
        lab.start("server", sys.executable, "-c", PHONE, SERVER4, ready)
        wait_until(lambda: os.path.exists(ready), what="the phone")
        cls.spid = lab.spid(FEW)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    @classmethod
    def serve_ftp(cls):
        root, empty = os.path.join(cls.lab.folder, "ftp"), os.path.join(cls.lab.folder, "empty")
        os.makedirs(root)
        os.makedirs(empty)
        with open(os.path.join(root, "file"), "wb") as file:
            file.write(os.urandom(300_000))
        config = os.path.join(cls.lab.folder, "vsftpd.conf")
        with open(config, "w") as file:
            file.write(VSFTPD.format(root=root, empty=empty))
        cls.lab.start("server", "vsftpd", config)
        wait_until(lambda: cls.lab.run("server", "curl", "-s", "-m2", "ftp://127.0.0.1/").returncode == 0, what="the FTP server")

    def loads(self):
        """Name: what runs on the client until the end."""
        attack = os.path.join(self.lab.build, "tests", "lab", "attack")
        link = json.loads(self.lab.run("gateway", "ip", "-j", "link", "show", "eth1").stdout)[0]["address"]

        def again(*command):
            return (sys.executable, "-c", AGAIN, self.stop_file, *map(str, command))

        return {
            "pages": again("curl", "-s", "-m5", f"http://{SERVER4}/", f"http://[{SERVER6}]/"),
            "downloads": again("curl", "-s", "-m20", "--limit-rate", "3M", "-o", "/dev/null", f"http://{SERVER4}/file"),
            "ftp, passive": again("curl", "-s", "-m10", "-o", "/dev/null", f"ftp://{SERVER4}/file"),
            "ftp, active": again("curl", "-s", "-m10", "-P", "-", "-o", "/dev/null", f"ftp://[{SERVER6}]/file"),
            "pings": again("ping", "-c5", "-i0.1", "-W1", SERVER4),
            "pings, IPv6": again("ping", "-c5", "-i0.1", "-W1", SERVER6),
            "datagrams": (sys.executable, "-c", UDP, SERVER4, self.stop_file),
            "datagrams, IPv6": (sys.executable, "-c", UDP, SERVER6, self.stop_file),
            "calls": (sys.executable, "-c", CALLS, CLIENT4, SERVER4, self.stop_file),
            "spoofed SYNs": again(attack, "lan0", link, 1000, "syn", 5000, SERVER4, 80),
            "a flood of UDP": again(attack, "lan0", link, 2000, "udp", 10000, SERVER4, 9),
            "stray segments": again(attack, "lan0", link, 500, "ack", 2000, SERVER4),
            "fragments": again(attack, "lan0", link, 200, "fragments", 1000, CLIENT4, SERVER4, 80),
        }

    def resident(self):
        with open(f"/proc/{self.spid.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def settled(self):
        """Resident memory with the small rules, and the small rules before them: what is compared must be alike."""
        self.spid.write(FEW)
        for _ in range(2):
            self.spid.ctl("reload")
        return self.resident()

    def disturb(self, turn):
        """What an administrator does all day, in a minute."""
        ctl = self.spid.ctl
        for words in (["status"], ["rules"], ["metrics"], ["drops"], ["states"], ["states", "lan to any udp 5300"], ["nonsense"],
                      ["explain", f"{CLIENT4}@lan to {SERVER4} tcp 80"], ["set", "abusers", "add", f"192.0.2.{turn % 250}"],
                      ["set", "abusers", "list"], ["set", "abusers", "delete", f"192.0.2.{(turn - 7) % 250}"]):
            ctl("--json", *words)
        tracer = self.lab.start("gateway", os.path.join(self.lab.build, "spidctl"), "-S", self.spid.socket, "trace")
        if turn % 10 == 5:
            ctl("kill", "lan to any icmp 8")
        self.spid.write(random.Random(turn).choice([FEW, MANY, MANY, WRONG]))
        step = turn % 5
        if step == 0:
            self.spid.process.send_signal(signal.SIGHUP)
        elif step == 1:
            ctl("reload", "--dry-run")
        elif step == 2:
            ctl("reload", "--confirm", "60")
            ctl("rollback" if turn % 2 else "confirm")
        else:
            ctl("reload")
        time.sleep(1)
        tracer.kill()
        tracer.wait()

    def test_memory_stays_what_it_was(self):
        outs = {}
        for name, command in self.loads().items():
            outs[name] = os.path.join(self.lab.folder, name.replace(" ", "-"))
            with open(outs[name], "wb") as out:
                self.lab.start("client", *command, stdout=out)
        loads = self.lab.processes[-len(outs):]
        begin, samples, turn = time.monotonic(), [], 0
        while (age := time.monotonic() - begin) < SECONDS:
            self.disturb(turn)
            turn += 1
            self.assertIsNone(self.spid.process.poll(), self.spid.log()[-2000:])
            if turn % 5 == 0:
                samples.append((age, self.settled()))
            if turn % 20 == 0:
                print(f"{age:.0f} s: {samples[-1][1]} kB, {turn} turns", flush=True)
        # Of a window each, since malloc keeps now more, now less of what was freed at hand.
        base = statistics.median(kb for age, kb in samples if SECONDS / 6 <= age < SECONDS / 3)
        end = statistics.median(kb for age, kb in samples if age >= SECONDS - SECONDS / 6)
        status = self.spid.ask("status")[0]
        open(self.stop_file, "w").close()
        for process in loads:
            process.wait(60)
        print(f"resident: {base} kB after {SECONDS / 6:.0f} s, {end} kB at the end; {turn} turns; {status['table']}")
        for name, path in outs.items():
            with open(path) as file:
                count = int(file.read())
            print(f"  {name}: {count}")
            self.assertGreater(count, 0, name)
        self.assertLessEqual(abs(end - base), TOLERANCE * base + SETTLING_KB)


if __name__ == "__main__":
    lab_module.main(Soak)
