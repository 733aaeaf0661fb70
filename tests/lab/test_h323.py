#!/usr/bin/env python3
"""The lab: H.323 calls through the real daemon, with exactly one rule. Debian has no H.323 program: both sides are scripts of
our own (h323_agent.py)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, CLIENT6, SERVER4, SERVER6, LabTest, wait_until

AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "h323_agent.py")

RULES = """
zone lan = eth1 net 192.168.10.0/24, fd00:10::/64
zone wan = eth0
allow lan to any {service}{alg}
default deny log 100/s
"""


class H323(LabTest):
    def start(self, service, alg=" alg h323"):
        """A daemon of its own, with these rules: what another has heard is no matter."""
        self.spid = self.lab.spid(RULES.format(service=service, alg=alg))
        self.addCleanup(self.spid.stop)

    def talk(self, server_role, client_role, server, client):
        """Both roles at once; what each printed last."""
        out = os.path.join(self.lab.folder, f"agent-{len(self.lab.processes)}.out")
        with open(out, "w") as file:
            process = self.lab.start("server", sys.executable, AGENT, server_role, server, client, stdout=file, stderr=file)

        def said():
            with open(out) as file:
                return file.read().splitlines()
        wait_until(said, what="the server's agent")
        done = self.lab.run("client", sys.executable, AGENT, client_role, client, server)
        process.wait(30)
        return said()[-1], (done.stdout + done.stderr).splitlines()[-1]

    def test_a_call_out_over_both_families(self):
        self.start("tcp 1720")
        for client, server in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
            self.assertEqual(self.talk("callee", "caller", server, client), ("a call", "a call"),
                             self.spid.log()[-2000:])

    def test_without_alg_there_is_no_call(self):
        self.start("tcp 1720", "")
        self.assertEqual(self.talk("callee", "caller", SERVER4, CLIENT4), ("no H.245", "no connection to port 5555"))

    def test_a_registered_phone_is_called_over_both_families(self):
        self.start("udp 1719")
        for client, server in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
            self.assertEqual(self.talk("keeper", "phone", server, client), ("a call", "a call"), self.spid.log()[-2000:])

    def test_without_alg_a_registered_phone_is_not_called(self):
        self.start("udp 1719", "")
        self.assertEqual(self.talk("keeper", "phone", SERVER4, CLIENT4), ("no connection to port 1720", "no call"))


if __name__ == "__main__":
    lab_module.main(H323)
