#!/usr/bin/env python3
"""The lab: beside the kernel's NAT, and beside somebody else's filter rules."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, OUTSIDE4, SERVER4, LabTest

RULES = """
zone lan = eth1 net 192.168.10.0/24
zone wan = eth0
allow lan to any tcp 80, icmp 8 as "out"
allow wan to 192.168.10.20@lan tcp 8080 as "forwarded"
"""


class Nat(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.lab.web("client", 8080, 8081)
        # The server knows no way to the lan: without masquerading it could not answer.
        cls.lab.run("server", "ip", "route", "del", "default", check=True)
        for words in ("-A POSTROUTING -o eth0 -j MASQUERADE",
                      f"-A PREROUTING -i eth0 -p tcp --dport 8888 -j DNAT --to-destination {CLIENT4}:8080",
                      f"-A PREROUTING -i eth0 -p tcp --dport 8889 -j DNAT --to-destination {CLIENT4}:8081"):
            cls.lab.run("gateway", "iptables", "-t", "nat", *words.split(), check=True)
        cls.spid = cls.lab.spid(RULES)

    def test_the_web_through_masquerading(self):
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[:2], (0, "hello from server\n"))
        self.assertTrue(self.lab.ping(SERVER4))
        states = self.spid.ask("states")
        self.assertIn((CLIENT4, SERVER4), [(s.get("src"), s.get("dst")) for s in states])

    def test_a_forwarded_port_is_judged_by_its_inside_address(self):
        self.assertEqual(self.lab.get(f"http://{OUTSIDE4}:8888/", host="server")[:2], (0, "hello from client\n"))
        self.assertEqual(self.lab.get(f"http://{OUTSIDE4}:8889/", host="server", seconds=1)[0], 28)

    def test_what_another_filter_drops_stays_dropped(self):
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        self.lab.run("gateway", "iptables", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP", check=True)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        self.lab.run("gateway", "iptables", "-D", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP", check=True)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)


if __name__ == "__main__":
    lab_module.main(Nat)
