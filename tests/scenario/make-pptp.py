#!/usr/bin/env python3
"""Writes pptp*.scenario, which are committed, with the messages of pptp_messages.py. Run it in tests/scenario."""
import re

import pptp_messages as pptp


def text(data):
    return '"' + "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"\\x{b:02x}" for b in data) + '"'


def write(name, scenario):
    """Puts the message in place of each <CALL>, which is Python over pptp_messages."""
    def message(match):
        return text(eval(match[1], vars(pptp)))  # our own text below
    with open(name + ".scenario", "w") as file:
        file.write(re.sub(r"<([^<>]+\)[^<>]*)>", message, scenario.lstrip("\n")))


HOSTS = """
host client 192.168.1.10@lan port 1234
host server 203.0.113.5@wan port 1723
host other 203.0.113.6@wan port 1723
host router 198.51.100.1@wan
"""

write("pptp", """
# PPTP: each call announces GRE in both directions, each by the call id that its receiver has chosen. Written by make-pptp.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1723 alg pptp
}""" + HOSTS + """
connect client > server
say client > server <start()> => allow established
say server > client <started()> => allow established
+0s client > server proto 47 <gre(8)> => deny new default

# An outgoing call: asked for, nothing is announced; answered, both directions are, and no other.
say client > server <outgoing(7)> => allow established
expectations 0
+0s server > client proto 47 <gre(7)> => deny new default
say server > client <outgoing_reply(8, 7)> => allow established
expectations 2
+0s client > server proto 47 <gre(7)> => deny new default
+0s server > client proto 47 <gre(8)> => deny new default
+0s other > client proto 47 <gre(7)> => deny new default
+0s client > server proto 47 <gre(8)> => allow related rule
expectations 1
+0s server > client proto 47 <gre(7)> => allow related rule
expectations 0
connections 3
+1s client > server proto 47 <gre(8, 2)> => allow related
+0s server > client proto 47 <gre(7, 2)> => allow related
# With the tunnel up, still nothing else: another call id, GRE of version 0.
+0s client > server proto 47 <gre(9)> => deny new default
+0s server > client proto 47 <gre(9)> => deny new default
+0s server > client proto 47 "\\x00\\x00\\x08\\x00" => deny new default
+0s router > client too-big quoting client > server proto 47 <gre(8)> => allow related
+0s router > client too-big quoting client > server proto 47 <gre(9)> => deny invalid icmp-unrelated

# A second call between the same two, both messages in pieces; ids of the first one, the other way round.
say client > server <outgoing(8)[:9]> => allow established
say client > server <outgoing(8)[9:60]> => allow established
say client > server <outgoing(8)[60:] + echo()> => allow established
say server > client <outgoing_reply(7, 8)[:31]> => allow established
expectations 0
say server > client <outgoing_reply(7, 8)[31:]> => allow established
expectations 2
+0s client > server proto 47 <gre(7)> => allow related
+0s server > client proto 47 <gre(8)> => allow related
connections 5

# An incoming call: it stands when the server says so.
say server > client <incoming(3)> => allow established
say client > server <incoming_reply(65535, 3)> => allow established
expectations 0
+0s server > client proto 47 <gre(65535)> => deny new default
say server > client <incoming_connected(65535)> => allow established
expectations 2
+0s server > client proto 47 <gre(65535)> => allow related
+0s client > server proto 47 <gre(3)> => allow related
connections 7

# A direction that has idled out waits again.
+61s client > server proto 47 <gre(3)> => allow related
+0s server > client proto 47 <gre(65535)> => allow related
+0s client > server proto 47 <gre(8)> => allow related

# A direction that is used late.
say client > server <outgoing(50)> => allow established
# Not his to clear: he has given it no id yet.
say server > client <disconnect(0)> => allow established
say server > client <outgoing_reply(51, 50)> => allow established
+590s client > server proto 47 <gre(51)> => allow related

# Calls that were silent for so long are there still.
+0s server > client proto 47 <gre(65535)> => allow related
+0s client > server proto 47 <gre(8)> => allow related

# Cleared by the client: its packets pass for 5 s more, then they are nobody's. The others go on.
say client > server <clear(7)> => allow established
+4.9s client > server proto 47 <gre(8)> => allow related
say server > client <disconnect(8)> => allow established
+1.2s client > server proto 47 <gre(8)> => deny new default
+0s server > client proto 47 <gre(7)> => deny new default
+0s client > server proto 47 <gre(3)> => allow related
+0s client > server proto 47 <gre(7)> => allow related
# Disconnected by the server.
say server > client <disconnect(3)> => allow established
+6.2s client > server proto 47 <gre(3)> => deny new default
+0s client > server proto 47 <gre(7)> => allow related
# Stopped.
say server > client <stop()> => allow established
+6.2s client > server proto 47 <gre(7)> => deny new default
+0s server > client proto 47 <gre(8)> => deny new default
expectations 0

# The control connection ends: what was announced ends with it, the tunnel soon.
say client > server <outgoing(20) + outgoing(21)> => allow established
say server > client <outgoing_reply(30, 20) + outgoing_reply(31, 21)> => allow established
expectations 4
+0s client > server proto 47 <gre(30)> => allow related
expectations 3
reset client > server
expectations 0
+0s client > server proto 47 <gre(31)> => deny new default
+29s client > server proto 47 <gre(30)> => allow related
+3s client > server proto 47 <gre(30)> => deny new default
""")

write("pptp-refused", """
# What announces nothing: refused calls, answers that nobody asked for, messages that cannot be read. Written by make-pptp.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1723 alg pptp
}""" + HOSTS + """
connect client > server
say client > server <start()> => allow established
say server > client <started()> => allow established
say server > client <outgoing_reply(8, 7)> => allow established
say client > server <incoming_reply(8, 7)> => allow established
say server > client <incoming_connected(8)> => allow established
expectations 0
say client > server <outgoing(7)> => allow established
say server > client <outgoing_reply(8, 6)> => allow established
say client > server <outgoing_reply(8, 7)> => allow established
say client > server <outgoing_reply(8, 0)> => allow established
say server > client <incoming_reply(8, 7)> => allow established
say server > client <outgoing_reply(8, 7, 2)> => allow established
say server > client <outgoing_reply(8, 7)> => allow established
expectations 0
# Cleared before it was answered; an incoming call that is refused, or given up.
say client > server <outgoing(7) + clear(7)> => allow established
say server > client <outgoing_reply(8, 7)> => allow established
say server > client <incoming(5)> => allow established
say server > client <incoming_connected(0)> => allow established
say client > server <incoming_reply(6, 5, 2)> => allow established
say server > client <incoming_connected(6) + incoming(5) + disconnect(5)> => allow established
say client > server <incoming_reply(6, 5)> => allow established
say server > client <incoming_connected(6)> => allow established
expectations 0
# Unknown types and wrong lengths are passed over.
say client > server <message("OCRQ", b"\\0\\7", 24) + message("SLI", kind=2) + outgoing(9)> => allow established
say server > client <outgoing_reply(8, 7) + outgoing_reply(10, 9)> => allow established
expectations 2
# 64 calls at once, no more; cleared ones make room.
""" + "".join(f"""
say client > server <outgoing({i})> => allow established
say server > client <outgoing_reply({i}, {i})> => allow established
""" for i in range(100, 165)) + """
expectations 128
say client > server <clear(9) + outgoing(200)> => allow established
say server > client <outgoing_reply(200, 200)> => allow established
expectations 128
+0s client > server proto 47 <gre(164)> => deny new default
+0s client > server proto 47 <gre(163 - 1)> => allow related
# No PPTP from here on: nobody listens.
say client > server <message("EchoRQ", magic=0x1a2b3c4e) + clear(163)> => allow established
deaf foreign
+10s client > server proto 47 <gre(162)> => allow related

connect client > other
say client > other <message("EchoRQ", length=12)[:11]> => allow established
deaf listening
reset client > other
+31s client > server proto 47 <gre(162)> => allow related
connect client > other
say client > other "GET / HTTP/1.1\\r\\n" => allow established
deaf foreign
reset client > other
+31s client > server proto 47 <gre(162)> => allow related
connect client > other
say client > other <message("EchoRQ", length=221)> => allow established
deaf foreign
reset client > other
+31s client > server proto 47 <gre(162)> => allow related
connect client > other
say client > other "\\x00\\x0b\\x00\\x01\\x1a\\x2b\\x3c\\x4d\\x00\\x05\\x00\\x00" => allow established
deaf foreign
""")

write("pptp-strict", """
# With `strict` what breaks the grammar is denied, over IPv6 too. Written by make-pptp.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1723 alg pptp strict
}
host client 2001:db8:1::10@lan port 1234
host server 2001:db8:2::5@wan port 1723
connect client > server
say client > server "GET / HTTP/1.1\\r\\n" => deny established alg
say client > server <message("EchoRQ", length=221)> => deny established alg
say client > server <message("EchoRQ", length=12)> => deny established alg
say client > server <message("EchoRQ", kind=2)> => deny established alg
say client > server "\\x00\\x0c\\x00\\x01\\x1a\\x2b\\x3c\\x4d\\x00\\x10\\x00\\x00" => deny established alg
say client > server <start() + outgoing(7)> => allow established
say server > client <outgoing_reply(8, 6)> => deny established alg
say server > client <incoming_connected(8)> => deny established alg
expectations 0
say server > client <started() + outgoing_reply(8, 7)> => allow established
expectations 2
+0s client > server proto 47 <gre(8)> => allow related
+0s server > client proto 47 <gre(7)> => allow related
""")
