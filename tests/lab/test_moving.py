#!/usr/bin/env python3
"""The lab: content that moves. Names that a real DNS server answers, prefixes and addresses that the kernel has."""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, SERVER4, Lab, wait_until

FIRST4, SECOND4, THIRD4 = "203.0.113.6", "203.0.113.7", SERVER4
FIRST6 = "2001:db8:1::6"
ULA, OLD, NEW = "fd00:10:", "2001:db8:aa:", "2001:db8:bb:"

ZONES = "zone lan = eth1 net 192.168.10.0/24, fd00:10::/64\nzone wan = eth0\n"
NAMES = ZONES + """
set updates = dns "updates.test", "alias.test"
allow lan to updates tcp 80 as "updates"
allow lan to !updates tcp 85 as "strangers"
"""
PREFIXES = ZONES + """
set nas = 192.168.10.9, prefix(lan)::9
allow wan to nas tcp 80 as "nas"
allow wan to !prefix(lan)::9 tcp 85 as "others"
"""
SELF = "hook forward, input\n" + ZONES + """
allow lan to self icmp 8 as "self"
allow lan to wan icmp 8 as "out"
"""


class Names:
    """dnsmasq on the server: what it answers, with a TTL of a second."""

    def __init__(self, lab):
        self.lab = lab
        self.hosts = os.path.join(lab.folder, "names")
        self.process = None

    def say(self, *lines):
        with open(self.hosts, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def start(self):
        self.process = self.lab.start("server", "dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                                      f"--addn-hosts={self.hosts}", "--local=/test/", "--local-ttl=1", "--bind-interfaces",
                                      f"--listen-address={SERVER4}", "--user=root", f"--pid-file={self.hosts}.pid",
                                      "--cname=alias.test,real.test")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None


class Moving(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(os.environ.get("builddir", "."))
        self.addCleanup(self.lab.close)

    def ip(self, host, *words):
        self.lab.run(host, "ip", *words, check=True)

    def reaches(self, address, port=80, host="client"):
        url = f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"
        return self.lab.get(url, host=host, seconds=1)[0] == 0

    def becomes(self, condition, what):
        wait_until(condition, 30, what)

    def dns(self):
        return self.spid.ask("status")[0]["dns"][0]

    def failures(self):
        return [name["failure"] for name in self.dns()["names"]]

    def test_names_are_followed(self):
        lab = self.lab
        for address in (f"{FIRST4}/24", f"{SECOND4}/24"):
            self.ip("server", "addr", "add", address, "dev", "wan0")
        self.ip("server", "addr", "add", f"{FIRST6}/64", "dev", "wan0", "nodad")
        folder = lab.web("server", 80, 85, size=1_000_000)
        conf = os.path.join(lab.folder, "resolv.conf")
        with open(conf, "w") as file:
            file.write(f"search example.net\nnameserver {SERVER4}\n")
        names = Names(lab)
        self.spid = lab.spid(NAMES, prefix=("unshare", "-m", "sh", "-c",
                                            f"mount --bind {conf} /etc/resolv.conf && exec \"$@\"", "sh"))
        # Nobody answers yet: no address is in the set, and nobody is let in as a stranger to it.
        self.becomes(lambda: all(self.failures()), "a failure in the status")
        self.assertIn("no server", self.failures()[0])
        self.assertFalse(self.dns()["filled"])
        self.assertFalse(self.reaches(FIRST4))
        self.assertFalse(self.reaches(THIRD4, 85))
        self.assertIn("not filled yet", self.spid.ctl("status").stdout)
        self.assertIn("failed: IPv4: no server", self.spid.ctl("status").stdout)

        names.say(f"{FIRST4} updates.test", f"{FIRST6} updates.test", f"{SECOND4} real.test")
        names.start()
        self.becomes(lambda: self.dns()["filled"], "an answer to all names")
        self.assertEqual(self.failures(), [None, None])
        self.assertEqual(self.dns()["addresses"], 3)
        for address in (FIRST4, FIRST6, SECOND4):
            self.becomes(lambda: self.reaches(address), address)
            self.assertFalse(self.reaches(address, 85), address)
        self.assertFalse(self.reaches(THIRD4))
        self.becomes(lambda: self.reaches(THIRD4, 85), "a stranger")

        # The name moves while somebody downloads from where it was; the address that has left stays in its grace.
        download = lab.start("client", "curl", "-sf", "-m", "60", "-o", os.path.join(lab.folder, "got"),
                             f"http://{FIRST4}/slow/file")
        names.say(f"{THIRD4} updates.test", f"{FIRST6} updates.test", f"{SECOND4} real.test")
        self.becomes(lambda: self.reaches(THIRD4), "the new address")
        self.assertFalse(self.reaches(THIRD4, 85))
        self.assertTrue(self.reaches(FIRST4))
        self.assertEqual(self.dns()["addresses"], 4)

        # The server dies: the last answer stays, and the status and the log say so, the log once.
        names.kill()
        self.becomes(lambda: all(self.failures()), "a failure in the status")
        self.assertTrue(self.dns()["filled"])
        self.assertTrue(self.reaches(THIRD4))
        self.spid.reload(NAMES.replace('"alias.test"', '"alias.test", "other.test"'))
        self.assertTrue(self.reaches(THIRD4))
        self.assertTrue(self.reaches(FIRST6))
        # One more name, of which nothing is known: strangers must wait for it.
        self.assertFalse(self.dns()["filled"])
        names.say(f"{THIRD4} updates.test", f"{SECOND4} real.test")
        names.start()
        self.becomes(lambda: self.failures()[:2] == [None, None], "an answer again")
        # It may have been asked about while nobody answered: then it is asked again later than the others.
        self.becomes(lambda: "NXDOMAIN" in (self.failures()[2] or ""), "what is wrong with the third name")
        self.assertEqual(self.spid.log().count("no IPv4 answer about updates.test"), 2)
        self.assertIn("dns set updates: updates.test is answered again (IPv4)", self.spid.log())
        self.assertEqual(download.wait(60), 0)
        self.assertEqual(os.path.getsize(os.path.join(lab.folder, "got")), os.path.getsize(os.path.join(folder, "file")))
        self.assertEqual(self.spid.stop(), 0)

    def test_prefixes_are_followed(self):
        for prefix in (ULA, OLD, NEW):
            self.ip("client", "addr", "add", f"{prefix}:9/64", "dev", "lan0", "nodad")
            self.ip("gateway", "-6", "route", "replace", f"{prefix}:/64", "dev", "eth1")
        folder = self.lab.web("client", 80, 85, size=1_000_000)
        self.spid = self.lab.spid(PREFIXES)

        def can(prefix, port=80):
            return self.reaches(f"{prefix}:9", port, host="server")
        # Neighbours are looked for at the first packet: what shall pass is waited for, what shall not is asked after it.
        self.becomes(lambda: can(ULA) and can(OLD, 85), "the prefix of the start")
        self.assertEqual([can(OLD), can(NEW), can(ULA, 85)], [False] * 3)
        self.ip("gateway", "addr", "add", f"{OLD}:1/64", "dev", "eth1", "nodad")
        self.becomes(lambda: can(OLD), "the delegated prefix")
        self.becomes(lambda: can(ULA), "the other prefix")
        self.assertFalse(can(NEW))
        # The prefix is replaced: who is connected to the old address stays so, though it matches no rule any more.
        got = os.path.join(self.lab.folder, "got")
        download = self.lab.start("server", "curl", "-sf", "-m", "60", "-o", got, f"http://[{OLD}:9]/slow/file")
        self.becomes(lambda: os.path.exists(got), "the beginning of a download")
        self.ip("gateway", "addr", "del", f"{OLD}:1/64", "dev", "eth1")
        self.ip("gateway", "addr", "add", f"{NEW}:1/64", "dev", "eth1", "nodad")
        self.ip("gateway", "-6", "route", "replace", f"{OLD}:/64", "dev", "eth1")
        self.becomes(lambda: can(NEW) and not can(OLD), "the new prefix")
        prefix = self.spid.ask("status")[0]["prefixes"][0]
        self.assertEqual((prefix["prefix"], prefix["zone"], sorted(prefix["addresses"])),
                         ("prefix(lan)::9", "lan", [f"{NEW}:9", f"{ULA}:9"]))
        self.assertIn("prefix(lan)::9 is", self.spid.log())
        self.assertIsNone(download.poll())
        self.assertEqual(download.wait(60), 0)
        self.assertEqual(os.path.getsize(got), os.path.getsize(os.path.join(folder, "file")))
        # No prefix at all: nobody is the nas, and nobody is another.
        self.ip("gateway", "addr", "del", f"{NEW}:1/64", "dev", "eth1")
        self.ip("gateway", "addr", "del", f"{GATEWAY6}/64", "dev", "eth1")
        for prefix in (ULA, OLD, NEW):
            self.ip("gateway", "-6", "route", "replace", f"{prefix}:/64", "dev", "eth1")
        self.becomes(lambda: "nothing" in self.spid.ctl("status").stdout, "no prefix")
        self.assertEqual([can(p, port) for p in (ULA, OLD, NEW) for port in (80, 85)], [False] * 6)
        self.assertEqual(self.spid.stop(), 0)

    def test_addresses_and_interfaces_are_followed(self):
        def pings(address):
            return self.lab.run("client", "ping", "-c1", "-W1", address).returncode == 0
        self.spid = self.lab.spid(SELF)
        self.assertTrue(pings(GATEWAY4) and pings(SERVER4))
        self.ip("gateway", "addr", "add", "192.168.10.2/24", "dev", "eth1")
        self.becomes(lambda: pings("192.168.10.2"), "a further address of the gateway")
        # The address is another host's then, and nobody said that the gateway may be pinged through it.
        self.ip("gateway", "addr", "del", "192.168.10.2/24", "dev", "eth1")
        self.becomes(lambda: not pings("192.168.10.2"), "its end")
        self.ip("gateway", "link", "set", "eth1", "down")
        self.ip("gateway", "link", "set", "eth1", "name", "other")
        self.ip("gateway", "link", "set", "other", "up")
        self.becomes(lambda: not pings(SERVER4), "an interface of no zone")
        denied = self.spid.ask("status")[0]["reasons"].get("default", 0)
        self.assertFalse(pings(SERVER4))
        self.assertGreater(self.spid.ask("status")[0]["reasons"]["default"], denied)
        self.ip("gateway", "link", "set", "other", "down")
        self.ip("gateway", "link", "set", "other", "name", "eth1")
        self.ip("gateway", "link", "set", "eth1", "up")
        self.becomes(lambda: pings(SERVER4), "the zone's interface again")
        self.ip("gateway", "link", "del", "eth1")
        self.lab._wire("client", "lan0", CLIENT4, CLIENT6, "eth1", GATEWAY4, GATEWAY6)
        self.becomes(lambda: pings(SERVER4), "a new interface of that name")
        self.assertEqual(self.spid.stop(), 0)


if __name__ == "__main__":
    lab_module.TOOLS += ["dnsmasq", "unshare"]
    lab_module.main(Moving)
