#!/usr/bin/env python3
"""The lab: PPTP tunnels through the real daemon, with exactly one rule. Both sides are scripts of our own: real ones
need PPP in the kernel."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import CLIENT4, SERVER4, LabTest, wait_until

MESSAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario")

RULES = """
zone lan = eth1 net 192.168.10.0/24
zone wan = eth0
allow lan to any tcp 1723{alg}
default deny log 100/s
"""

# Its calls have the numbers 1 to 3 there, and 11 to 13 here. Over each of them it answers a GRE packet; before that it sends
# one that belongs to no call.
SERVER = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import pptp_messages as pptp
gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
gre.bind((sys.argv[2], 0))
gre.settimeout(8)
listener = socket.create_server((sys.argv[2], 1723))
print("listens", flush=True)
listener.settimeout(10)
control = listener.accept()[0]
control.settimeout(8)
control.recv(156, socket.MSG_WAITALL)
control.sendall(pptp.started())
for call in (1, 2, 3):
    control.recv(168, socket.MSG_WAITALL)
    control.sendall(pptp.outgoing_reply(10 + call, call))
    try:
        packet = gre.recv(1000)
    except TimeoutError:
        print("nothing came")
        break
    gre.sendto(pptp.gre(99), (sys.argv[3], 0))
    gre.sendto(pptp.gre(call), (sys.argv[3], 0))
"""

CLIENT = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import pptp_messages as pptp
gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
gre.bind((sys.argv[2], 0))
gre.settimeout(3)
control = socket.create_connection((sys.argv[3], 1723), 5)
control.sendall(pptp.start())
control.recv(156, socket.MSG_WAITALL)
for call in (1, 2, 3):
    control.sendall(pptp.outgoing(call))
    control.recv(32, socket.MSG_WAITALL)
    gre.sendto(pptp.gre(10 + call), (sys.argv[3], 0))
    try:
        print(int.from_bytes(gre.recv(1000)[26:28], "big"))
    except TimeoutError:
        print("nothing")
        break
"""


class Pptp(LabTest):
    def tunnels(self, alg):
        """The calls whose GRE packets came back."""
        spid = self.lab.spid(RULES.format(alg=alg))
        self.addCleanup(spid.stop)
        out = os.path.join(self.lab.folder, f"server{len(self.lab.processes)}")
        with open(out, "w") as file:
            self.lab.start("server", sys.executable, "-c", SERVER, MESSAGES, SERVER4, CLIENT4, stdout=file)
        wait_until(lambda: os.path.getsize(out) > 0, what="the server")
        done = self.lab.python("client", CLIENT, MESSAGES, CLIENT4, SERVER4)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_three_tunnels_of_one_control_connection(self):
        self.assertEqual(self.tunnels(" alg pptp"), ["1", "2", "3"])

    def test_without_alg_there_is_no_tunnel(self):
        self.assertEqual(self.tunnels(""), ["nothing"])


if __name__ == "__main__":
    lab_module.main(Pptp)
