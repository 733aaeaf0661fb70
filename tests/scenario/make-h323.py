#!/usr/bin/env python3
"""Writes h323*.scenario, which are committed, with the messages of h323_messages.py. Run it in tests/scenario."""
import re

import h323_messages as h323

PLACES = {
    "caller_245": h323.place("192.168.1.10", 4000),
    "callee_245": h323.place("203.0.113.5", 5555),
    "caller_rtp": h323.media("192.168.1.10", 5000),
    "caller_rtcp": h323.media("192.168.1.10", 5001),
    "callee_rtp": h323.media("203.0.113.5", 6000),
    "callee_rtcp": h323.media("203.0.113.5", 6001),
    "callee_video": h323.media("203.0.113.5", 6002),
    "phone": h323.place("192.168.1.10", 1720),
    "keeper": h323.place("203.0.113.5", 1721),
    "third": h323.place("203.0.113.6", 1720),
    "third_rtp": h323.media("203.0.113.6", 7000),
}


def text(data):
    return '"' + "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"\\x{b:02x}" for b in data) + '"'


def write(name, scenario):
    """Puts the message in place of each <CALL>, which is Python over h323_messages and PLACES."""
    def message(match):
        return text(eval(match[1], vars(h323) | PLACES))  # our own text below
    with open(name + ".scenario", "w") as file:
        file.write(re.sub(r"<([^<>]+\)[^<>]*)>", message, scenario.lstrip("\n")))


HOSTS = """
host caller 192.168.1.10@lan port 1234
host caller-2 192.168.1.10@lan port 1235
host caller-245 192.168.1.10@lan port 4000
host caller-rtp 192.168.1.10@lan port 5000
host caller-rtcp 192.168.1.10@lan port 5001
host callee 203.0.113.5@wan port 1720
host callee-2 203.0.113.5@wan port 1235
host callee-245 203.0.113.5@wan port 5555
host callee-rtp 203.0.113.5@wan port 6000
host callee-rtcp 203.0.113.5@wan port 6001
host callee-video 203.0.113.5@wan port 6002
host other 203.0.113.6@wan port 1720
"""

write("h323", """
# An H.323 call: signalling announces H.245, which announces the media. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1720 alg h323
}""" + HOSTS + """
connect caller > callee
say caller > callee <setup()> => allow established
say callee > caller <proceeding()> => allow established
expectations 0
+0s caller-2 > callee-245 S seq=1 win=65535 => deny new default
# Said three times, it is one connection, of that host to this port.
say callee > caller <alerting(callee_245)> => allow established
expectations 1
say callee > caller <connect(callee_245)> => allow established
expectations 1
+0s other > callee-245 S seq=1 win=65535 => deny new default
connect caller-2 > callee-245 related
expectations 0
say callee > caller <facility(callee_245, answer=True)> => allow established
expectations 0
+0s caller-245 > callee-245 S seq=1 win=65535 => deny new default

# A channel to the callee: its RTCP comes back at once, its media go when it is acknowledged.
say caller-2 > callee-245 <h245(master_slave())> => allow related
say caller-2 > callee-245 <h245(open_channel(1, parameters(1, None, caller_rtcp)))> => allow related
expectations 1
+0s caller-rtp > callee-rtp udp len=160 => deny new default
say callee-245 > caller-2 <h245(open_ack(1, callee_rtp, callee_rtcp))> => allow related
expectations 3
+0s caller-rtp > callee-rtcp udp len=20 => allow related rule
+0s caller-rtp > callee-rtp udp len=160 => allow related rule
+0s other > caller-rtcp udp len=20 => deny new default
+0s callee-rtcp > caller-rtcp udp len=20 => allow related
# A channel back, in pieces, of the same ports.
say callee-245 > caller-2 <h245(open_channel(1, parameters(1, None, callee_rtcp)))[:9]> => allow related
say callee-245 > caller-2 <h245(open_channel(1, parameters(1, None, callee_rtcp)))[9:]> => allow related
say caller-2 > callee-245 <h245(open_ack(1, caller_rtp, caller_rtcp), close_channel(9))> => allow related
+0s callee-rtp > caller-rtp udp len=160 => allow related
+0s callee-video > caller-rtp udp len=160 => allow related
+0s other > caller-rtp udp len=160 => deny new default
# Silence on both: it goes on later.
+1000s callee-rtp > caller-rtp udp len=160 => allow related
# One direction ends: the other one uses the same ports.
say caller-2 > callee-245 <h245(close_channel(1))> => allow related
+10s callee-rtp > caller-rtp udp len=160 => allow related
say callee-245 > caller-2 <h245(close_channel(1))> => allow related
expectations 0
+4.9s callee-rtp > caller-rtp udp len=160 => allow related
+0.2s callee-rtp > caller-rtp udp len=160 => deny new default
# Refused; and the end of the session ends what was open.
say caller-2 > callee-245 <h245(open_channel(2, parameters(2, None, caller_rtcp)))> => allow related
expectations 1
say callee-245 > caller-2 <h245(open_reject(2))> => allow related
expectations 0
say caller-2 > callee-245 <h245(open_channel(3, parameters(2, None, caller_rtcp)), open_channel(4, parameters(1, None, caller_rtp)))> => allow related
expectations 2
say caller-2 > callee-245 <h245(end_session())> => allow related
expectations 0
# The H.245 connection ends: its media soon.
say caller-2 > callee-245 <h245(open_channel(3, parameters(2, None, caller_rtcp)))> => allow related
+0s callee-rtcp > caller-rtcp udp len=20 => allow related
reset caller-2 > callee-245 related
expectations 0
+29s callee-rtcp > caller-rtcp udp len=20 => allow related
+2s callee-rtcp > caller-rtcp udp len=20 => deny new default

# A second call on the same connection, in which the caller takes H.245; released before it is used.
say caller > callee <setup(caller_245, reference=8)> => allow established
expectations 1
say callee > caller <release(reference=8, answer=True)> => allow established
expectations 0
+0s callee-2 > caller-245 S seq=1 win=65535 => deny new default
# Of the first one, which goes on, another address.
say caller > callee <facility(caller_245)> => allow established
connect callee-2 > caller-245 related
say callee-2 > caller-245 <h245(open_channel(1, parameters(1, None, callee_rtcp)))> => allow related
+0s caller-rtcp > callee-rtcp udp len=20 => allow related
say caller > callee <release(bare=True)> => allow established
say caller-245 > callee-2 <h245(open_ack(1, caller_rtp, caller_rtcp))> => allow related
+0s callee-rtp > caller-rtp udp len=160 => allow related
""")

write("h323-fast", """
# Fast start: media at once; H.245 is tunnelled in the call signalling. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1720 alg h323
}""" + HOSTS + """
connect caller > callee
# Each codec proposes the same ports.
say caller > callee <setup(fast=[proposal(1, parameters(1, caller_rtp, caller_rtcp), kind=kind) for kind in TYPES.values()] + [proposal(2, None, parameters(1, caller_rtp, caller_rtcp), kind) for kind in TYPES.values()], more=True)> => allow established
expectations 2
+0s callee-rtp > caller-rtp udp len=160 => allow related rule
+0s other > caller-rtcp udp len=20 => deny new default
+0s caller-rtcp > callee-rtcp udp len=20 => deny new default
say callee > caller <alerting(fast=[proposal(1, parameters(1, callee_rtp, callee_rtcp), port=9), proposal(2, None, parameters(1, None, callee_rtcp))])> => allow established
+0s caller-rtcp > callee-rtcp udp len=20 => allow related
+0s caller-rtcp > callee-rtp udp len=160 => allow related
# The call's end is the media's.
say caller > callee <release()> => allow established
expectations 0
+4.9s callee-rtp > caller-rtp udp len=160 => allow related
+0.2s callee-rtp > caller-rtp udp len=160 => deny new default
+0s caller-rtcp > callee-rtcp udp len=20 => deny new default

# In each message that may have it.
say caller > callee <setup(reference=9, more=True)> => allow established
""" + "".join(f"""
say callee > caller <{name}(fast=[proposal(1, parameters(1, media("203.0.113.5", {port})))], {more})> => allow established
expectations {count}
""" for count, (name, more, port) in enumerate((
    ("proceeding", "reference=9, more=True", 6000), ("alerting", "reference=9, more=True", 6002),
    ("connect", "reference=9, more=True", 6004), ("facility", "answer=True, reference=9, more=True", 6006)), 1)) + """
say callee > caller <release(reference=9, answer=True)> => allow established
expectations 0
say caller > callee <setup()> => allow established
say callee > caller <progress(fast=[proposal(1, parameters(1, callee_rtp))])> => allow established
expectations 1
say callee > caller <information(fast=[proposal(1, parameters(1, callee_video))], answer=True)> => allow established
expectations 2
say callee > caller <progress(callee_245)> => allow established
expectations 3
# Behind tokens nothing is read.
say callee > caller <progress(fast=[proposal(1, parameters(1, callee_rtcp))], secured=True)> => allow established
expectations 3
say callee > caller <release(answer=True)> => allow established
expectations 0

# Tunnelled: in any message, and two in one.
say caller > callee <setup(tunnelled=[master_slave(), open_channel(1, parameters(1, None, caller_rtcp))], more=True)> => allow established
expectations 1
say callee > caller <connect(tunnelled=[open_ack(1, callee_rtp, callee_rtcp, more=True), open_channel(1, parameters(1, None, callee_rtcp, True))])> => allow established
expectations 3
say caller > callee <empty([open_ack(1, caller_rtp, caller_rtcp)])> => allow established
expectations 4
+0s callee-rtp > caller-rtp udp len=160 => allow related
say caller > callee <facility(tunnelled=[close_channel(1)])> => allow established
expectations 3
say callee > caller <information(tunnelled=[close_channel(1)], answer=True)> => allow established
expectations 0
+5.1s callee-rtp > caller-rtp udp len=160 => deny new default
# A channel that is opened again within one packet keeps its media.
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, caller_rtp))])> => allow established
+0s callee-rtp > caller-rtp udp len=160 => allow related
say caller > callee <facility(tunnelled=[close_channel(1), open_channel(1, parameters(1, caller_rtp))])> => allow established
+6s callee-rtp > caller-rtp udp len=160 => allow related
# Under its number another session takes its place.
say caller > callee <facility(tunnelled=[open_channel(1, parameters(2, caller_rtcp))])> => allow established
+6s callee-rtp > caller-rtp udp len=160 => deny new default
expectations 1
# In a channel of both directions, and its answer.
say caller > callee <facility(tunnelled=[open_channel(5, parameters(0, caller_rtp), parameters(3, caller_rtp, caller_rtcp), TYPES["t120"])])> => allow established
expectations 3
say callee > caller <facility(tunnelled=[open_ack(5, None, None, parameters(3, callee_rtp))], answer=True)> => allow established
expectations 4
# At the connection's end what waits ends.
reset caller > callee
expectations 0

# H.245 beside the SETUP's fast start.
connect caller > callee
say caller > callee <setup(parallel=[open_channel(1, parameters(1, None, caller_rtcp))])> => allow established
expectations 1
say caller > callee <release(tunnelled=[close_channel(1)])> => allow established
expectations 0
""")

write("h323-refused", """
# What announces nothing, and what is refused: an honest call beside it goes on. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1720 alg h323
}""" + HOSTS + """
host honest 192.168.1.11@lan port 1234
host honest-245 192.168.1.11@lan port 4000
connect honest > callee
say honest > callee <setup(place("192.168.1.11", 4000))> => allow established
expectations 1
connect caller > callee
# Before there is a call, after it, and of one that the other side has not begun.
say callee > caller <connect(callee_245)> => allow established
say caller > callee <setup(caller_245, reference=0x8007)> => allow established
say caller > callee <setup() + release()> => allow established
say callee > caller <connect(callee_245)> => allow established
expectations 1
# Somebody else's address, no address, port 0.
say caller > callee <setup(third)> => allow established
say callee > caller <proceeding(callee_245)> => allow established
expectations 2
say callee > caller <connect(place("203.0.113.5", 0))> => allow established
""" + "".join(f"""
say callee > caller <alerting(place("203.0.113.5", 5555, "{kind}"))> => allow established
""" for kind in ("ipx", "netbios", "route", "nsap", "later")) + """
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, third_rtp, media("192.168.1.10", 5000, "multicast")))])> => allow established
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, media("192.168.1.10", 0)))])> => allow established
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, media("192.168.1.10", 5000, "ipx")))])> => allow established
say callee > caller <facility(tunnelled=[open_ack(2, callee_rtp)], answer=True)> => allow established
say callee > caller <facility(tunnelled=[b"\\xff\\xff\\xff"], answer=True)> => allow established
expectations 2
# Ports below 1024.
say callee > caller <connect(place("203.0.113.5", 22))> => deny established alg
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, media("192.168.1.10", 1023)))])> => deny established alg
say caller > callee <facility(fast=[proposal(1, parameters(1, None, media("192.168.1.10", 53)))])> => deny established alg
# Lengths beyond the packet: of PER's open types and lists, of Q.931's elements.
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, caller_rtp), length=120)])> => deny established alg
say caller > callee <facility(tunnelled=[open_channel(1, parameters(1, caller_rtp), length=16383)])> => deny established alg
say caller > callee <facility(fast=[proposal(1, parameters(1, caller_rtp), length=4)])> => deny established alg
say caller > callee <setup(list_length=3, reference=3)> => deny established alg
say caller > callee <setup(length=2000, reference=3)> => deny established alg
say caller > callee <tpkt(bytes([8, 2, 0]))> => deny established alg
say caller > callee <tpkt(bytes([8, 15, 0, 7, 98]))> => deny established alg
# Lists that nobody needs so long, elements that are another protocol's: passed over.
say caller > callee <setup(list_length=257, reference=3)> => allow established
say caller > callee <tpkt(b"") + tpkt(bytes([9, 2, 0, 7])) + tpkt(bytes([8, 2, 0, 7, 98, 126, 0, 2, 4, 1]))> => allow established
expectations 2
# 16 calls at once, and no more; a released one makes room.
say caller > callee <release(bare=True)> => allow established
""" + "".join(f"""
say caller > callee <setup(reference={i})> => allow established
""" for i in range(100, 115)) + """
say caller > callee <setup(caller_245, reference=115)> => allow established
expectations 1
say caller > callee <release(reference=100) + setup(caller_245, reference=116)> => allow established
expectations 2
# 32 channels, and no more.
say caller > callee <facility(reference=101, tunnelled=[open_channel(i, parameters(1, caller_rtp)) for i in range(1, 33)])> => allow established
expectations 3
say caller > callee <facility(reference=101, tunnelled=[open_channel(40, parameters(2, caller_rtp))])> => allow established
expectations 3
say caller > callee <facility(reference=101, tunnelled=[close_channel(1), open_channel(40, parameters(2, caller_rtp))])> => allow established
expectations 4
# 64 that wait, the oldest of which give way; more in one packet are refused.
say caller > callee <facility(reference=102, fast=[proposal(1, parameters(1, media("192.168.1.10", 20000 + i))) for i in range(65)])> => deny established alg
say caller > callee <facility(reference=102, fast=[proposal(1, parameters(1, media("192.168.1.10", 20000 + i))) for i in range(64)])> => allow established
expectations 65
# No TPKT from here on: nobody listens.
say caller > callee "GET / HTTP/1.1\\r\\n" => allow established
deaf foreign
reset caller > callee
expectations 1
# The honest one.
connect callee-2 > honest-245 related
say callee > honest <connect(callee_245)> => allow established
expectations 1
""")

write("h323-strict", """
# With `strict` what cannot be read is denied; both families. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any tcp 1720 alg h323 strict
allow lan to any udp 1719 alg h323 strict
}
host caller 2001:db8:1::10@lan port 1234
host caller-2 2001:db8:1::10@lan port 1235
host caller-rtp 2001:db8:1::10@lan port 5000
host caller-ras 2001:db8:1::10@lan port 1719
host callee 2001:db8:2::5@wan port 1720
host callee-245 2001:db8:2::5@wan port 5555
host callee-rtp 2001:db8:2::5@wan port 6000
host keeper 2001:db8:2::5@wan port 1719
connect caller > callee
say caller > callee "GET / HTTP/1.1\\r\\n" => deny established alg
say caller > callee <tpkt(bytes([9, 2, 0, 7]))> => deny established alg
say caller > callee <setup(list_length=257)> => deny established alg
say caller > callee <setup(tunnelled=[b"\\xff\\xff\\xff"])> => deny established alg
say caller > callee <setup()> => allow established
say callee > caller <connect(tunnelled=[open_ack(1, media("2001:db8:2::5", 6000))])> => deny established alg
say callee > caller <connect(place("2001:db8:2::5", 5555))> => allow established
connect caller-2 > callee-245 related
say caller-2 > callee-245 <h245(open_channel(1, parameters(1)))> => allow related
say callee-245 > caller-2 "GET / HTTP/1.1\\r\\n" => deny related alg
say callee-245 > caller-2 <h245(open_ack(1, media("2001:db8:2::5", 6000)))> => allow related
+0s caller-rtp > callee-rtp udp len=160 => allow related
+0s caller-ras > keeper udp <admission(7)> => allow new
+0s keeper > caller-ras udp "\\xff\\xff\\xff\\xff" => deny established alg
+0s keeper > caller-ras udp <admission_confirm(7, place("2001:db8:2::5", 1800))> => allow established
expectations 1
""")

write("h323-media", """
# A rule's media set: its hosts may carry media, and take and make calls. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
set phones = 203.0.113.6, 203.0.113.7
allow lan to any tcp 1720 alg h323 media phones
allow lan to any udp 1719 alg h323 media phones
}""" + HOSTS + """
host ras 192.168.1.10@lan port 1719
host phone 192.168.1.10@lan port 1720
host keeper 203.0.113.5@wan port 1719
host other-rtp 203.0.113.6@wan port 7000
host stranger 203.0.113.9@wan port 7000
connect caller > callee
say caller > callee <setup(fast=[proposal(1, None, parameters(1, caller_rtp))])> => allow established
expectations 2
say callee > caller <connect(fast=[proposal(1, parameters(1, third_rtp))])> => allow established
expectations 4
+0s stranger > caller-rtp udp len=160 => deny new default
+0s other-rtp > caller-rtp udp len=160 => allow related
+0s callee-rtp > caller-rtp udp len=160 => allow related
+0s caller-rtcp > other-rtp udp len=160 => allow related
# Both wait again: whose source is known goes first, whichever is the newer.
+1000s other-rtp > caller-rtp udp len=160 => allow related
+200s callee-rtp > caller-rtp udp len=160 => allow related
say callee > caller <release(answer=True)> => allow established
expectations 0
# An admission to a phone of the set, and none to another.
+0s ras > keeper udp <admission(1)> => allow new
+0s keeper > ras udp <admission_confirm(1, place("203.0.113.9", 1800))> => allow established
expectations 0
+0s ras > keeper udp <admission(2)> => allow established
+0s keeper > ras udp <admission_confirm(2, place("203.0.113.6", 7000))> => allow established
expectations 1
connect caller-2 > other-rtp related
# A registered phone is called by them.
+0s ras > keeper udp <registration(3, phone)> => allow established
+0s keeper > ras udp <registration_confirm(3)> => allow established
expectations 2
+0s stranger > phone S seq=1 win=65535 => deny new default
connect other > phone related
say other > phone <setup()> => allow related
connect callee-2 > phone related
""")

write("h323-ras", """
# RAS: a registration opens calls both ways, an admission or a location one. Written by make-h323.py.
rules {
zone lan = eth1
zone wan = eth0
allow lan to any udp 1718-1719 alg h323
}""" + HOSTS + """
host ras 192.168.1.10@lan port 1719
host phone 192.168.1.10@lan port 1720
host discovery 203.0.113.5@wan port 1718
host keeper 203.0.113.5@wan port 1719
host keeper-2 203.0.113.5@wan port 1730
host calls 203.0.113.5@wan port 1721
""" + "".join(f"host call-{i} 203.0.113.5@wan port {40000 + i}\n" for i in range(17)) + """
# Where the gatekeeper takes RAS: where it was asked, on a port that the rule does not allow, and for a host that is not its own.
+0s ras > discovery udp <gatekeeper_request(1)> => allow new
+0s discovery > ras udp <gatekeeper_confirm(1, place("203.0.113.5", 1718))> => allow established
+0s discovery > ras udp <gatekeeper_confirm(1, place("203.0.113.5", 1730))> => allow established
expectations 0
+0s ras > discovery udp <gatekeeper_request(2)> => allow established
+0s discovery > ras udp <gatekeeper_confirm(2, place("203.0.113.6", 1730))> => allow established
expectations 0
+0s ras > discovery udp <gatekeeper_request(3)> => allow established
+0s ras > keeper-2 udp <admission(1)> => deny new default
+0s discovery > ras udp <gatekeeper_confirm(3, place("203.0.113.5", 1730), True)> => allow established
expectations 1
+0s ras > keeper-2 udp <admission(1)> => allow related
+0s keeper-2 > ras udp <admission_confirm(1, place("203.0.113.5", 1721))> => allow related
expectations 1
connect caller > calls related
say caller > calls <setup(caller_245)> => allow related
expectations 1
reset caller > calls related

# A registration: nothing before it is confirmed, by the one who was asked.
+0s ras > keeper udp <registration(1, phone)> => allow new
+0s ras > keeper udp <registration_confirm(1, phone)> => allow established
+0s keeper > ras udp <registration_confirm(2, keeper)> => allow established
expectations 0
+0s call-0 > phone S seq=1 win=65535 => deny new default
+0s keeper > ras udp <registration_confirm(1, keeper, life=300)> => allow established
expectations 2
+200s keeper > ras udp len=0 => allow established
connect call-0 > phone related
say call-0 > phone <setup(callee_245)> => allow related
expectations 3
+0s other > phone S seq=1 win=65535 => deny new default
connect caller > calls related
# 16 calls at once; one that ends makes room.
""" + "".join(f"+0s call-{i} > phone S seq=1 win=65535 => allow related\n" for i in range(1, 16)) + """
+0s call-16 > phone S seq=1 win=65535 => deny new default
reset call-0 > phone related
+11s call-16 > phone S seq=1 win=65535 => allow related
# Silent for five minutes, and renewed by what names no address; then it is over.
+300s ras > keeper udp <registration(2)> => allow established
+0s keeper > ras udp <registration_confirm(2, life=60, more=True)> => allow established
expectations 2
+119s call-0 > phone S seq=1 win=65535 => allow related
+2s call-1 > phone S seq=1 win=65535 => deny new default
expectations 0

# Unregistered, rejected.
+0s ras > keeper udp <registration(3, third, place("192.168.1.10", 9, "ipx"), phone, more=True)> => allow established
+0s keeper > ras udp <registration_confirm(3, third, keeper)> => allow established
expectations 2
+0s ras > keeper udp <unregistration(4)> => allow established
+0s keeper > ras udp <unregistration_confirm(5)> => allow established
expectations 2
+0s keeper > ras udp <unregistration_confirm(4)> => allow established
expectations 0
+0s ras > keeper udp <registration(6, phone)> => allow established
+0s keeper > ras udp <registration_confirm(6)> => allow established
expectations 1
+0s ras > keeper udp <registration(7, phone)> => allow established
+0s keeper > ras udp <registration_reject(7)> => allow established
expectations 0
+0s keeper > ras udp <registration_confirm(7)> => allow established
expectations 0

# Admission and location: one call each, within a minute, to the gatekeeper's own address.
+0s ras > keeper udp <admission(10)> => allow established
+0s keeper > ras udp <admission_confirm(10, third)> => allow established
+0s keeper > ras udp <admission_confirm(10, keeper)> => allow established
expectations 0
+0s ras > keeper udp <admission(11)> => allow established
+0s keeper > ras udp <admission_confirm(11, keeper)> => allow established
+0s keeper > ras udp <admission_confirm(11, keeper)> => allow established
expectations 1
+0s caller-rtp > calls S seq=1 win=65535 => allow related
+0s caller-2 > calls S seq=1 win=65535 => deny new default
+0s ras > keeper udp <location(12)> => allow established
+0s keeper > ras udp <location_confirm(12, keeper)> => allow established
+61s caller-2 > calls S seq=1 win=65535 => deny new default

# Ports below 1024, lengths beyond the packet; what cannot be read otherwise passes.
+0s ras > keeper udp <registration(20, place("192.168.1.10", 80))> => deny established alg
+0s ras > keeper udp <admission(21)> => allow established
+0s keeper > ras udp <admission_confirm(21, place("203.0.113.5", 443))> => deny established alg
+0s keeper > ras udp <admission_confirm(21, keeper)[:-1]> => deny established alg
+0s keeper > ras udp "\\xff\\xff\\xff\\xff" => allow established
+0s keeper > ras udp "\\x00" => deny established alg
expectations 0
+0s keeper > ras udp <admission_confirm(21, keeper)> => allow established
expectations 1
# More requests than anybody leaves without an answer: the oldest are forgotten.
""" + "".join(f"""
+0s ras > keeper udp <admission({i})> => allow established
""" for i in range(30, 47)) + """
+0s keeper > ras udp <admission_confirm(30, place("203.0.113.5", 1900))> => allow established
expectations 1
+0s keeper > ras udp <admission_confirm(31, place("203.0.113.5", 1900))> => allow established
expectations 2
""")
