#!/usr/bin/env python3
"""The lab: calls with sound between two real phones, with exactly one rule, over UDP, TCP, both families and masquerading.

The server's phone accepts each call and sends back what it hears; the client's plays a tone and records what comes back."""
import glob
import math
import os
import re
import shutil
import struct
import sys
import time
import unittest
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, OUTSIDE4, SERVER4, SERVER6, Lab, wait_until

TONE_HZ, RATE_HZ, WAVE_HEADER_BYTES = 440, 8000, 44

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
service sip = udp 5060, tcp 5060
allow lan to any sip{alg} as "sip"
default deny log 100/s
"""

PHONE = """
sip_listen {listen}
audio_player aubridge,line
audio_source {source}
audio_alert aubridge,alert
call_local_timeout 20
rtp_ports 30000-30100
rtcp_mux no
snd_path {folder}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""

# Sends a command to a phone's control port, framed as a netstring; prints all up to its answer, for events come between.
CONTROL = """
import json, socket, sys
text = json.dumps({"command": sys.argv[2], "params": sys.argv[3]})
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
s.sendall(f"{len(text)}:{text},".encode())
s.settimeout(5)
answer = ""
while '"response":true' not in answer:
    answer = s.recv(65536).decode()
    print(answer)
"""

# Speaks SIP by hand from a port of its own; prints the first line that comes back.
BY_HAND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5099))
s.settimeout(2)
body = sys.argv[4].encode().decode("unicode_escape")
s.sendto(f"{sys.argv[3]} sip:echo@{sys.argv[2]} SIP/2.0\\r\\nVia: SIP/2.0/UDP {sys.argv[1]}:5099;branch=z9hG4bK{sys.argv[5]}\\r\\n"
         f"From: <sip:x@x>;tag=1\\r\\nTo: <sip:echo@{sys.argv[2]}>\\r\\nCall-ID: {sys.argv[5]}\\r\\nCSeq: 1 {sys.argv[3]}\\r\\n"
         f"Max-Forwards: 9\\r\\nContact: <sip:x@{sys.argv[1]}:5099>\\r\\nContent-Type: application/sdp\\r\\n"
         f"Content-Length: {len(body)}\\r\\n\\r\\n{body}".encode(), (sys.argv[2], 5060))
try:
    print(s.recv(4096).decode().splitlines()[0])
except TimeoutError:
    print("nothing")
"""


class Phone:
    """One run of baresip: it listens at ADDRESS, takes each call, plays SOURCE and records what it hears."""
    control = 4444

    def __init__(self, lab, host, address, source, port=5060):
        Phone.control += 1
        self.lab, self.host, self.control = lab, host, Phone.control
        self.folder = os.path.join(lab.folder, f"phone-{self.control}")
        os.makedirs(self.folder)
        listen = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.uri = f"sip:echo@{listen}"
        with open(os.path.join(self.folder, "config"), "w") as file:
            file.write(PHONE.format(listen=listen, source=source, folder=self.folder, control=self.control,
                                    modules=modules()))
        with open(os.path.join(self.folder, "accounts"), "w") as file:
            file.write(f"<{self.uri}>;regint=0;answermode=auto\n")
        open(os.path.join(self.folder, "contacts"), "w").close()
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = lab.start(host, "stdbuf", "-oL", "baresip", "-6" if ":" in address else "-4", "-f", self.folder,
                                     stdout=log, stderr=log)
        wait_until(lambda: "baresip is ready" in self.log(), what="the phone")

    def log(self):
        """What it has said, without the line that it writes over and over."""
        with open(os.path.join(self.folder, "log"), errors="replace", newline="") as log:
            return re.sub(r"\[[0-9:]+\] audio=.*?\r", "", log.read())

    def do(self, command, words=""):
        done = self.lab.python(self.host, CONTROL, str(self.control), command, words)
        if '"ok":true' not in done.stdout:
            raise RuntimeError(f"{command} {words}: {done.stdout}{done.stderr}")

    def call(self, uri):
        before = self.log().count("Call established")
        self.do("dial", uri)
        wait_until(lambda: self.log().count("Call established") > before, 15, "the call:\n" + self.log()[-2000:])

    def hang_up(self):
        self.do("hangup")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def heard(self):
        """The samples of the last call that it has heard so far."""
        records = sorted(glob.glob(os.path.join(self.folder, "dump-*-dec.wav")), key=os.path.getmtime)
        if not records:
            return []
        with open(records[-1], "rb") as file:
            data = file.read()[WAVE_HEADER_BYTES:]
        return struct.unpack(f"<{len(data) // 2}h", data[:len(data) // 2 * 2])

    def hears_tone(self, since=0):
        """Is what it heard last, behind the sample SINCE, a second of the tone?"""
        samples = self.heard()[since:][-RATE_HZ:]
        if len(samples) < RATE_HZ:
            return False
        turn = 2j * math.pi * TONE_HZ / RATE_HZ
        tone = sum(sample * math.e ** (turn * i) for i, sample in enumerate(samples))
        power = sum(sample * sample for sample in samples)
        return power > 1000 ** 2 * RATE_HZ and 2 * abs(tone) ** 2 / RATE_HZ > 0.8 * power

    def wait_for_tone(self, spid, since=0):
        try:
            wait_until(lambda: self.hears_tone(since), 12, "the tone")
        except TimeoutError as why:
            raise AssertionError(f"{why}\n{self.log()[-2000:]}\n{spid.log()[-3000:]}") from why


def modules():
    return next(iter(glob.glob("/usr/lib/baresip/modules") + glob.glob("/usr/lib/*/baresip/modules")), "")


class Sip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        cls.tone = os.path.join(lab.folder, "tone.wav")
        with wave.open(cls.tone, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(b"".join(struct.pack("<h", int(12000 * math.sin(2 * math.pi * TONE_HZ * i / RATE_HZ)))
                                      for i in range(60 * RATE_HZ)))
        cls.spid = lab.spid(RULES.format(alg=" alg sip"))

    def setUp(self):
        self.phones = []
        self.echo = self.start("server", SERVER4, echo=True)
        self.phone = self.start("client", CLIENT4)

    def start(self, host, address, port=5060, echo=False):
        source = "aubridge,line" if echo else "aufile," + self.tone
        self.phones.append(Phone(self.lab, host, address, source, port))
        return self.phones[-1]

    def tearDown(self):
        for phone in reversed(self.phones):
            phone.stop()
        wait_until(lambda: not self.media(), 12, "the end of the media")

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def media(self):
        """The children that live, by the id of their parent."""
        return [state["parent"] for state in self.spid.ask("states") if "parent" in state]

    def denied(self):
        reasons = self.spid.ask("status")[0]["reasons"]
        return reasons.get("default", 0) + reasons.get("alg", 0)

    def test_a_call_has_sound_and_ends(self):
        self.phone.call(self.echo.uri)
        self.phone.wait_for_tone(self.spid)
        parents = {state["connection"] for state in self.spid.ask("states") if state.get("alg") == "sip"}
        self.assertTrue(set(self.media()) and set(self.media()) <= parents)
        self.assertIn("alg sip: listening", self.spid.ctl("states").stdout)
        self.phone.hang_up()
        wait_until(lambda: not self.media(), 12, "the end of the media")
        self.assertEqual(self.spid.ask("status")[0]["alg"]["expected"], 0)

    def test_called_back_held_and_resumed(self):
        """The other side's calls come by the connection that the first one opened."""
        self.phone.call(self.echo.uri)
        self.phone.wait_for_tone(self.spid)
        self.phone.hang_up()
        before = self.denied()
        self.echo.stop()
        other = self.start("server", SERVER4) # calls do not reach its echo
        other.call(self.phone.uri)
        self.phone.wait_for_tone(self.spid)
        other.wait_for_tone(self.spid)
        self.phone.do("hold")
        time.sleep(2)
        self.phone.do("resume")
        time.sleep(2)
        self.assertIn("call: resume", self.phone.log())
        self.assertTrue(self.media())
        self.assertEqual(self.denied(), before)

    def test_over_tcp(self):
        self.phone.call(self.echo.uri + ";transport=tcp")
        self.phone.wait_for_tone(self.spid)
        self.assertIn(6, [state["proto"] for state in self.spid.ask("states") if state.get("alg") == "sip"])

    def test_over_ipv6(self):
        echo, phone = self.start("server", SERVER6, echo=True), self.start("client", CLIENT6)
        phone.call(echo.uri)
        phone.wait_for_tone(self.spid)

    def test_without_alg_there_is_no_sound(self):
        phone = self.start("client", CLIENT4, 5070)
        self.spid.reload(RULES.format(alg=""))
        try:
            phone.call(self.echo.uri)
            time.sleep(4)
            self.assertEqual(len(phone.heard()), 0)
        finally:
            self.spid.reload(RULES.format(alg=" alg sip"))

    def test_what_nobody_announced_is_refused_meanwhile(self):
        self.lab.udp_echo("client", 30200)
        self.lab.udp_echo("server", 30200)
        self.phone.call(self.echo.uri)
        self.phone.wait_for_tone(self.spid)
        self.assertEqual(self.lab.udp(CLIENT4, 30200, host="server", seconds=1), "timeout")
        self.assertEqual(self.lab.udp(SERVER4, 30200, seconds=1), "timeout")
        self.assertTrue(self.media())

    def test_what_no_phone_says_is_refused_beside_a_call(self):
        self.phone.call(self.echo.uri)
        for number, (port, said) in enumerate((("65536", "a media port that is none"),
                                               ("22", "an announced port below 1024"))):
            body = f"v=0\\r\\nc=IN IP4 {CLIENT4}\\r\\nm=audio {port} RTP/AVP 0\\r\\n"
            done = self.lab.python("client", BY_HAND, CLIENT4, SERVER4, "INVITE", body, f"bad{number}")
            self.assertEqual(done.stdout.strip(), "nothing", done.stderr)
            self.spid.wait_for(said)
        done = self.lab.python("client", BY_HAND, CLIENT4, SERVER4, "OPTIONS", "", "good")
        self.assertIn("SIP/2.0 200", done.stdout, done.stderr)
        self.assertGreaterEqual(self.spid.ask("status")[0]["reasons"]["alg"], 2)
        self.phone.wait_for_tone(self.spid, since=len(self.phone.heard()))

    def test_through_masquerading(self):
        """The kernel's NAT helper rewrites what the clients announce; spid judges what stands inside."""
        lab = self.lab
        gateway = [("-t", "nat", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE"),
                   ("-t", "raw", "PREROUTING", "-p", "udp", "--dport", "5060", "-j", "CT", "--helper", "sip")]
        done = [lab.run("gateway", "iptables", table, name, "-A", *rest) for table, name, *rest in gateway]
        if any(one.returncode != 0 for one in done):
            self.skipTest("this kernel has no SIP helper: " + done[-1].stderr)
        lab.run("server", "ip", "route", "del", "default", check=True)
        phone = self.start("client", CLIENT4, 5080)
        try:
            phone.call(self.echo.uri)
            phone.wait_for_tone(self.spid)
        finally:
            lab.run("server", "ip", "route", "add", "default", "via", OUTSIDE4, check=True)
            for table, name, *rest in gateway:
                lab.run("gateway", "iptables", table, name, "-D", *rest)


if __name__ == "__main__":
    if shutil.which("baresip") is None or not modules():
        print("skipped: the SIP lab needs baresip")
        sys.exit(lab_module.SKIP)
    lab_module.main(Sip)
