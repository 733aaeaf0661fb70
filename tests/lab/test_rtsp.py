#!/usr/bin/env python3
"""The lab: sound from a real RTSP server to a real client, with exactly one rule, over both families."""
import os
import shutil
import subprocess
import sys
import unittest
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, SERVER6, Lab, wait_until

RATE = 8000  # samples a second
PYTHON = "/usr/bin/python3"  # Debian's own, which sees Debian's GStreamer

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any tcp 554{alg} as "rtsp"
default deny log 100/s
"""

# Plays a tone to everybody who asks; says with a file that it is ready.
SERVER = f"""
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer(address="::", service="554")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( audiotestsrc is-live=true ! audio/x-raw,rate={RATE},channels=1 ! mulawenc ! rtppcmupay name=pay0 )")
server.get_mount_points().add_factory("/tone", factory)
server.attach(None)
open(sys.argv[1], "w").close()
GLib.MainLoop().run()
"""
IMPORTS = "\n".join(line for line in SERVER.splitlines() if "import" in line or "require" in line)

# A datagram from port 5000 of the server's host.
STRANGER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5000))
s.sendto(b"x", (sys.argv[2], int(sys.argv[3])))
"""


class Rtsp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        ready = os.path.join(lab.folder, "ready")
        lab.start("server", PYTHON, "-c", SERVER, ready)
        wait_until(lambda: os.path.exists(ready), what="the RTSP server")
        cls.spid = lab.spid(RULES.format(alg=" alg rtsp"))

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def ffmpeg(self, address, transport, seconds):
        """What listens so long to the tone, and where it writes it."""
        path = os.path.join(self.lab.folder, "heard.wav")
        return ("timeout", "8", "ffmpeg", "-nostdin", "-y", "-v", "error", "-rtsp_transport", transport, "-i",
                f"rtsp://{address}/tone", "-t", str(seconds), path), path

    def heard(self, path):
        """How many seconds of sound there are; silence is none."""
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            return 0
        with wave.open(path) as sound:
            count = sound.getnframes()
            samples = sound.readframes(count)
        self.assertTrue(count == 0 or any(samples), f"{count} samples of silence")
        return count / RATE

    def listen(self, address, transport, seconds=1):
        command, path = self.ffmpeg(address, transport, seconds)
        if os.path.exists(path):
            os.remove(path)
        self.lab.run("client", *command)
        return self.heard(path)

    def with_alg(self, words):
        self.spid.reload(RULES.format(alg=words))

    def children(self):
        return [state for state in self.spid.ask("states") if "parent" in state]

    def test_media_over_udp_over_both_families(self):
        for address in (SERVER4, f"[{SERVER6}]"):
            self.assertGreaterEqual(self.listen(address, "udp"), 1, self.spid.log()[-2000:])

    def test_without_alg_there_are_none_but_interleaved(self):
        self.with_alg("")
        try:
            self.assertEqual(self.listen(SERVER4, "udp"), 0)
            self.assertGreaterEqual(self.listen(SERVER4, "tcp"), 1, self.spid.log()[-2000:])
        finally:
            self.with_alg(" alg rtsp")
        self.assertGreaterEqual(self.listen(SERVER4, "tcp"), 1, self.spid.log()[-2000:])

    def test_what_nobody_announced_is_refused_meanwhile(self):
        command, path = self.ffmpeg(SERVER4, "udp", 4)
        client = self.lab.start("client", *command)
        media = wait_until(self.children, what="media")[0]
        port = media["dport"] if media["dst"] == CLIENT4 else media["sport"]
        self.lab.python("server", STRANGER, SERVER4, CLIENT4, str(port))
        stranger = f" {SERVER4}:5000 > {CLIENT4}:{port} "
        line = next(line for line in self.spid.wait_for(stranger).splitlines() if stranger in line)
        self.assertIn("deny new default", line)
        self.assertIsNone(client.poll(), "the sound was over before the stranger came")
        self.assertEqual(client.wait(20), 0)
        self.assertGreaterEqual(self.heard(path), 4)
        # The client has torn its session down.
        wait_until(lambda: not self.children(), what="the end of the media")
        self.assertEqual(self.spid.ask("status")[0]["alg"]["expected"], 0)


if __name__ == "__main__":
    if shutil.which("ffmpeg") is None:
        print("skipped: the RTSP lab needs ffmpeg")
        sys.exit(lab_module.SKIP)
    if not os.path.exists(PYTHON) or subprocess.run([PYTHON, "-c", IMPORTS], capture_output=True).returncode != 0:
        print("skipped: the RTSP lab needs GStreamer's RTSP server as Debian's Python sees it")
        sys.exit(lab_module.SKIP)
    lab_module.main(Rtsp)
