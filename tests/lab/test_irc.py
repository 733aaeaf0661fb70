#!/usr/bin/env python3
"""The lab: files that one real IRC client offers to another through a real server, with exactly one rule."""
import glob
import ipaddress
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, Lab, wait_until

BYTES = 2_000_000

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any tcp 6667{alg} as "irc"
default deny log 100/s
"""

NGIRCD = """
[Global]
Name = irc.lab.test
Info = lab
Listen = ::,0.0.0.0
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
[Options]
DNS = no
Ident = no
PAM = no
"""

# Speaks IRC by hand: registers under a name, says a line, and prints what the server answers to what it says then.
BY_HAND = r"""
import socket, sys
control = socket.create_connection((sys.argv[1], 6667), 10)
reader = control.makefile("rb")
control.sendall(f"NICK {sys.argv[2]}\r\nUSER by 0 * :Hand\r\n".encode())
while b" 422 " not in (line := reader.readline()) and b" 376 " not in line:
    pass
control.settimeout(2)
control.sendall(sys.argv[3].encode() + b"\r\nPING :there\r\n")
try:
    print(reader.readline().decode().strip())
except TimeoutError:
    print("nothing")
"""
OFFER = "PRIVMSG bob :\1DCC SEND file {} {} 100\1"


class Client:
    """WeeChat without a terminal, told by its pipe what to do; takes every file that it is offered."""

    def __init__(self, lab, host, name, server):
        self.lab, self.name = lab, name
        self.folder = os.path.join(lab.folder, name)
        self.taken = os.path.join(self.folder, "taken")
        self.pipe = os.path.join(self.folder, "pipe")
        os.makedirs(self.taken)
        settings = {"logger.file.flush_delay": 0, "xfer.file.auto_accept_files": "on",
                    "xfer.file.download_path": self.taken, "fifo.file.path": self.pipe}
        commands = [f"/set {key} {value}" for key, value in settings.items()]
        commands += [f"/server add lab {server}/6667 -notls -nicks={name}", "/connect lab"]
        self.process = lab.start(host, "weechat-headless", "-d", self.folder, "-r", ";".join(commands))
        wait_until(lambda: "hello" in self.log("irc.server.lab"), what=f"{name} on the server")

    def log(self, buffer):
        path = os.path.join(self.folder, "logs", buffer + ".weechatlog")
        if not os.path.exists(path):
            return ""
        with open(path) as file:
            return file.read()

    def do(self, command):
        with open(self.pipe, "w") as pipe:
            pipe.write(f"irc.server.lab *{command}\n")

    def got(self):
        """The bytes of the last file that was taken whole."""
        names = glob.glob(os.path.join(self.taken, "*"))
        whole = [name for name in names if not name.endswith(".part")]
        if not whole:
            return None
        with open(whole[0], "rb") as file:
            got = file.read()
        os.remove(whole[0])
        return got


class Irc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = Lab(os.environ.get("builddir", "."))
        config = os.path.join(lab.folder, "ngircd.conf")
        with open(config, "w") as file:
            file.write(NGIRCD)
        cls.file = os.path.join(lab.folder, "file")
        cls.bytes = os.urandom(BYTES)
        with open(cls.file, "wb") as file:
            file.write(cls.bytes)
        cls.spid = lab.spid(RULES.format(alg=" alg irc"))
        lab.start("server", "ngircd", "-n", "-f", config)
        lab.web("client", 50000)
        cls.bob = Client(lab, "server", "bob", SERVER4)
        cls.ann = Client(lab, "client", "ann", SERVER4)

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def offered(self, client):
        """CLIENT offers bob a file; he must get it whole."""
        client.do(f"/dcc send bob {self.file}")
        self.assertEqual(wait_until(self.bob.got, what="the file: " + self.spid.log()[-1000:]), self.bytes)

    def said(self, words):
        self.ann.do(f"/msg bob {words}")
        wait_until(lambda: words in self.bob.log("irc.lab.ann"), what=f"'{words}' at bob's")

    def test_a_file_that_is_offered_is_fetched(self):
        self.offered(self.ann)
        self.offered(self.ann)

    def test_over_ipv6(self):
        six = Client(self.lab, "client", "six", SERVER6)
        self.offered(six)
        self.assertIn(f"received from six ({CLIENT6}", self.bob.log("core.weechat"))

    def test_without_alg_it_is_not(self):
        # Who is listened to stays so while he lives: another client, another connection.
        self.spid.reload(RULES.format(alg=""))
        deaf = Client(self.lab, "client", "deaf", SERVER4)
        before = len(self.spid.log())
        deaf.do(f"/dcc send bob {self.file}")
        self.spid.wait_for(f"deny new default tcp S {SERVER4}:", after=before)
        self.assertIsNone(self.bob.got())
        self.spid.reload(RULES.format(alg=" alg irc"))
        self.offered(self.ann)

    def test_what_nobody_offered_is_refused_meanwhile(self):
        self.ann.do("/set xfer.network.speed_limit_send 500")
        self.ann.do(f"/dcc send bob {self.file}")
        wait_until(lambda: any("parent" in state for state in self.spid.ask("states")), what="the transfer")
        self.assertEqual(self.lab.get(f"http://{CLIENT4}:50000/", host="server", seconds=1)[0], 28)
        self.assertIsNone(self.bob.got(), "the transfer was over before the stranger came")
        self.assertEqual(wait_until(self.bob.got, what="the file"), self.bytes)

    def test_a_malformed_offer_is_refused_and_harms_nobody_else(self):
        own = int(ipaddress.ip_address(CLIENT4))
        offers = [("nonsense", 5000), ("99999999999", 5000), (own, 65536), (own, 22)]
        for number, offer in enumerate(offers):
            done = self.lab.python("client", BY_HAND, SERVER4, f"evil{number}", OFFER.format(*offer))
            self.assertEqual(done.stdout.strip(), "nothing", f"{offer} {done.stderr}")
            self.said(f"after {offer}")
        self.spid.wait_for("a DCC offer whose host or port cannot be read")
        self.assertGreaterEqual(self.spid.ask("status")[0]["reasons"]["alg"], len(offers))
        self.assertNotIn("evil", self.bob.log("core.weechat"))
        done = self.lab.python("client", BY_HAND, SERVER4, "good", OFFER.format(own, 5000))
        self.assertIn("PONG", done.stdout, done.stderr)
        wait_until(lambda: "from good" in self.bob.log("core.weechat"), what="the offer at bob's")
        self.offered(self.ann)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    for tool in ("ngircd", "weechat-headless"):
        if shutil.which(tool) is None:
            print(f"skipped: the IRC lab needs {tool}")
            sys.exit(lab_module.SKIP)
    lab_module.main(Irc)
