#!/usr/bin/env python3
"""Writes the corpora of the ALGs' drivers (their form is told in dialogue.h) and of the stream reader's (fuzz_stream.c).

Run it in tests/fuzz; the files are committed."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import h323_messages as h323
import pptp_messages as pptp

STRICT, MEDIA, V6, TCP = 1, 2, 4, 8
C, S = b"\xfe", b"\xfd"


def setup(number, transport, name=b"audio"):
    return b"SETUP rtsp://s/%s RTSP/1.0\r\nCSeq: %d\r\nTransport: %s\r\n\r\n" % (name, number, transport)


def reply(number, transport, more=b""):
    return b"RTSP/1.0 200 OK\r\nCSeq: %d\r\nSession: 4711;timeout=60\r\nTransport: %s\r\n%s\r\n" % (number, transport, more)


def request(method, number, more=b""):
    return b"%s rtsp://s/ RTSP/1.0\r\nCSeq: %d\r\nSession: 4711\r\n%s\r\n" % (method, number, more)


def sip(first, call, body=b"", more=b"", via=b"SIP/2.0/UDP 192.0.2.1:5060;rport"):
    method = first.split()[0] if not first.startswith(b"SIP") else b"INVITE"
    more += b"Content-Type: application/sdp\r\n" if body else b""
    return b"%s\r\nVia: %s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
        first, via, call, method, more, len(body), body)


INVITE, RINGS, TAKEN = b"INVITE sip:b@s SIP/2.0", b"SIP/2.0 183 Progress", b"SIP/2.0 200 OK"
BYE, CANCEL, ACK = b"BYE sip:b@s SIP/2.0", b"CANCEL sip:b@s SIP/2.0", b"ACK sip:b@s SIP/2.0"
OFFER = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\na=rtcp:5007 IN IP4 192.0.2.1\r\n"
ANSWER = b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 0\r\na=rtcp-mux\r\nm=image 0 udptl t38\r\n"
OFFER6 = b"c=IN IP6 2001:db8::1\r\nm=video 5000/2 RTP/AVPF 96\r\n"
THIRD = b"c=IN IP4 192.0.2.9\nm=audio 5000 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux-only\nm=audio 5002 RTP/AVP 0\nc=IN IP4 name"
PARTS = b"--x\r\nContent-Type: text/plain\r\n\r\n1\r\n--x\r\nc: application/sdp\r\n\r\n" + OFFER + b"\r\n--x--\r\n"
PORTS = b"RTP/AVP;unicast;client_port=5000-5001"
BOTH = PORTS + b";server_port=6000-6001"
OWN = b"3221225985"  # 192.0.2.1
DCC = b"NICK me\r\nPRIVMSG you :\1DCC %s\1\r\n"

# H.323's hosts, as in dialogue.c; a length may have no byte that gives the word to the other.
PHONE, KEEPER, THIRD = h323.place("192.0.2.1", 1720), h323.place("192.0.2.2", 1721), h323.place("192.0.2.9", 1720)
RTP, RTCP, FAR_RTP = h323.media("192.0.2.1", 5000), h323.media("192.0.2.1", 5001), h323.media("192.0.2.2", 6000)
OPENED = h323.open_channel(1, h323.parameters(1, None, RTCP, True))
ACKNOWLEDGED = h323.open_ack(1, FAR_RTP, FAR_RTP, more=True)

DIALOGUES = {
    "ftp": {
        "active": (0, C, b"USER x\r\n", S, b"220 hi\r\n331 pw\r\n", C, b"PORT 192,0,2,1,23,112\r\n", S, b"200 ok\r\n"),
        "passive": (0, C, b"PASV\r\n", S, b"220 hi\r\n227 Entering Passive Mode (192,0,2,2,156,64)\r\n"),
        "extended": (V6, C, b"EPRT |2|2001:db8::1|6000|\r\n", C, b"EPSV\r\n", S, b"220 \r\n200 \r\n229 (|||6446|)\r\n"),
        "epsv-all": (STRICT, C, b"EPSV ALL\r\nPASV\r\n", S, b"220-a\r\nb\r\n220 c\r\n200 ok\r\n"),
        "bounce": (0, C, b"PORT 192,0,2,9,23,112\r\nPORT 192,0,2,1,0,22\r\n"),
        "tls": (0, C, b"AUTH TLS\r\n", S, b"220 \r\n234 go\r\n", C, b"\x16\x03\x01\n"),
        "split": (0, C, b"PO", S, b"22", C, b"RT 192,0,2,1,", S, b"0 \r\n", C, b"23,112\r\nUSER"),
        "nonsense": (STRICT, C, b"\xff\xf4\xff\xf2ABOR\r\n1\0\r\n", S, b"12\r\n"),
    },
    "h225": {
        "call": (0, C, h323.setup(more=True), S, h323.alerting(KEEPER), h323.connect(KEEPER, more=True), C, h323.release()),
        "fast": (STRICT, C, h323.setup(fast=[h323.proposal(1, h323.parameters(1, None, RTCP), h323.parameters(1, RTP), kind)
                                             for kind in h323.TYPES.values()]),
                 S, h323.progress(KEEPER, [h323.proposal(1, h323.parameters(1, FAR_RTP))])),
        "tunnelled": (0, C, h323.setup(tunnelled=[OPENED, h323.master_slave()], parallel=[OPENED]),
                      S, h323.facility(KEEPER, None, [ACKNOWLEDGED, h323.end_session()], more=True)),
        "information": (0, C, h323.setup() + h323.information([], [OPENED]), S, h323.release(answer=True, bare=True)),
        "media": (MEDIA, C, h323.setup(THIRD, fast=[h323.proposal(1, h323.parameters(1, h323.media("192.0.2.9", 5000)))])),
        "ipv6": (V6, C, h323.setup(h323.place("2001:db8::1", 1720))),
        "split": (0, C, h323.setup(PHONE)[:50], S, h323.tpkt(b""), C, h323.setup(PHONE)[50:]),
        "beyond": (0, C, h323.setup(PHONE, list_length=9)),
        "longer": (0, C, h323.setup(PHONE, length=3000)),
        "web": (STRICT, C, b"GET / HTTP/1.1\r\n"),
    },
    "h245": {
        "channels": (0, C, h323.h245(h323.master_slave(), OPENED), S, h323.h245(ACKNOWLEDGED), C,
                     h323.h245(h323.close_channel(1))),
        "types": (STRICT, C, h323.h245(*(h323.open_channel(i, h323.parameters(1, RTP), kind=kind)
                                         for i, kind in enumerate(h323.TYPES.values(), 1)))),
        "rejected": (0, C, h323.h245(OPENED), S, h323.h245(h323.open_reject(1), h323.end_session())),
        "reverse": (MEDIA, C, h323.h245(h323.open_channel(1, h323.parameters(0), h323.parameters(1, RTP))), S,
                    h323.h245(h323.open_ack(1, None, None, h323.parameters(1, h323.media("192.0.2.9", 5000))))),
        "multicast": (0, C, h323.h245(h323.open_channel(1, h323.parameters(1, h323.media("224.0.1.1", 5000, "multicast"))))),
        "ipv6": (V6, C, h323.h245(h323.open_channel(1, h323.parameters(1, h323.media("2001:db8::1", 5000))))),
        "beyond": (0, C, h323.h245(h323.open_channel(1, h323.parameters(1, RTP), length=120))),
        "split": (0, C, h323.h245(OPENED)[:7], S, h323.h245(ACKNOWLEDGED)[:3], C, h323.h245(OPENED)[7:]),
    },
    "irc": {
        "send": (0, C, DCC % b"SEND a.txt %s 5000 1" % OWN),
        "chat": (0, C, b"@a=b :me ", C, DCC % b"CHAT chat %s 5001" % OWN),
        "quoted": (0, C, DCC % b"SEND \"a b\" %s 5000" % OWN),
        "passive": (0, C, DCC % b"SEND a.txt 16843009 0 1 7"),
        "ipv6": (V6 | STRICT, C, DCC % b"SEND a 2001:db8::1 5000 1"),
        "malformed": (0, C, DCC % b"SEND a 4294967296 65536"),
        "third": (STRICT, C, DCC % b"SEND a 3221225999 5000"),
        "from-others": (0, C, b"NICK x\r\n", S, DCC % b"SEND a 3221225986 5000"),
        "web": (0, C, b"GET / HTTP/1.1\r\n", C, DCC % b"SEND a %s 5000" % OWN),
    },
    "pptp": {
        "outgoing": (0, C, pptp.start() + pptp.outgoing(7), S, pptp.started() + pptp.outgoing_reply(8, 7), C, pptp.clear(7)),
        "incoming": (STRICT | V6, S, pptp.incoming(7), C, pptp.incoming_reply(8, 7), S, pptp.incoming_connected(8)
                     + pptp.disconnect(7)),
        "several": (0, C, pptp.outgoing(1) + pptp.outgoing(2), S, pptp.outgoing_reply(3, 2) + pptp.outgoing_reply(4, 1),
                    C, pptp.stop()),
        "refused": (0, C, pptp.outgoing(1), S, pptp.outgoing_reply(3, 1, 2)),
        "unasked": (STRICT, S, pptp.outgoing_reply(3, 1)),
        "split": (0, C, pptp.outgoing(1)[:20], S, pptp.echo()[:11], C, pptp.outgoing(1)[20:], S, pptp.echo()[11:]),
        "short": (0, C, pptp.message("OCRQ", length=12), S, b"\0\x0b"),
        "magic": (0, C, pptp.message("OCRQ", magic=1)),
    },
    "ras": {
        "registration": (0, C, h323.registration(1, PHONE, more=True), S, h323.registration_confirm(1, KEEPER, life=300, more=True),
                         C, h323.unregistration(2), S, h323.unregistration_confirm(2)),
        "rejected": (0, C, h323.registration(1, PHONE), S, h323.registration_reject(1)),
        "kinds": (0, C, h323.registration(1, *(h323.place("192.0.2.1", 1720, kind)
                                               for kind in ("ipx", "netbios", "route", "nsap", "later")))),
        "discovery": (0, C, h323.gatekeeper_request(1), S, h323.gatekeeper_confirm(1, KEEPER, True)),
        "admission": (STRICT, C, h323.admission(1), S, h323.admission_confirm(1, KEEPER)),
        "location": (MEDIA, C, h323.location(1), S, h323.location_confirm(1, THIRD)),
        "ipv6": (V6, C, h323.registration(1, h323.place("2001:db8::1", 1720)), S,
                 h323.registration_confirm(1, h323.place("2001:db8::2", 1720))),
        "beyond": (0, C, h323.admission(1), S, h323.admission_confirm(1, KEEPER)[:-1]),
    },
    "rtsp": {
        "setup": (0, C, setup(1, PORTS), S, reply(1, BOTH), C, request(b"PLAY", 2), C, request(b"TEARDOWN", 3)),
        "split": (0, C, setup(1, PORTS)[:30], C, setup(1, PORTS)[30:], S, reply(1, BOTH)[:50], S, reply(1, BOTH)[50:]),
        "choice": (0, C, setup(1, b"RTP/AVP/TCP;interleaved=0-1," + PORTS + b";mode=\"PLAY,RECORD\""), S, reply(1, BOTH)),
        "hosts": (MEDIA, C, setup(1, PORTS), S, reply(1, BOTH + b";source=192.0.2.9;destination=192.0.2.1")),
        "third": (STRICT, C, setup(1, PORTS + b";destination=192.0.2.9"), S, reply(1, BOTH)),
        "version-2": (V6, C, setup(1, b"RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\""),
                      S, reply(1, b"RTP/AVP;dest_addr=\":5000\"/\":5001\";src_addr=\"[2001:db8::2]:6000\"")),
        "body": (0, S, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\n123456789RTSP/1.0 200 OK\r\n\r\n"),
        "interleaved": (0, S, b"$\0\0\5abcde$\1\0", S, b"\2ab\r\nRTSP/1.0 404 No\r\n\r\n"),
        "folded": (0, C, b"SETUP a RTSP/1.0\r\nCSeq:\r\n 1\r\nTransport: RTP/AVP;\r\n\tclient_port=5000\r\n\r\n"),
        "two-lengths": (0, C, request(b"PLAY", 1, b"Content-Length: 1\r\nContent-Length: 2\r\n")),
        "web": (0, C, b"POST / HTTP/1.1\r\n\r\n", C, setup(1, PORTS)),
    },
    "sip": {
        "call": (0, C, sip(INVITE, b"1", OFFER), S, sip(RINGS, b"1", ANSWER), S, sip(TAKEN, b"1", ANSWER), C, sip(BYE, b"1")),
        "over-tcp": (TCP, C, sip(INVITE, b"1", OFFER)[:-9], S, b"\r\n\r\n", C, OFFER[-9:] + sip(CANCEL, b"1") + b"OPT"),
        "ipv6": (V6 | TCP | STRICT, C, sip(INVITE, b"1", OFFER6), C, sip(ACK, b"1", OFFER6)),
        "third": (MEDIA, C, sip(INVITE, b"1", THIRD), S, sip(TAKEN, b"1", THIRD)),
        "strict-third": (STRICT, C, sip(INVITE, b"1", THIRD)),
        "register": (0, C, sip(b"REGISTER sip:s SIP/2.0", b"2", b"", b'm: "a;b" <sip:a@192.0.2.1:5070;transport=tcp>;expires=9\r\n'),
                     C, sip(b"REGISTER sip:s SIP/2.0", b"2", b"", b"Contact: *\r\nExpires: 0\r\n")),
        "within": (0, C, sip(INVITE, b"3", OFFER, b'To: "<" <sip:b@s>;x;tag="1"\r\n'), S, b"SIP/2.0 491 No\r\nv: a b\r\n\r\n"),
        "folded": (0, C, b"INVITE a SIP/2.0\r\nv: SIP/2.0/UDP\r\n\t[2001:db8::1] : 7000\r\ni:\r\n 1\r\nCSeq: 1\r\n INVITE\r\n\r\n"),
        "parts": (0, C, sip(INVITE, b"4", PARTS).replace(b"application/sdp\r\nContent-L", b'multipart/a;boundary="x"\r\nContent-L')),
        "bad-port": (0, C, sip(INVITE, b"5", OFFER.replace(b"5000", b"65536"))),
        "two-lengths": (TCP, C, sip(INVITE, b"6", OFFER, b"l: 1\r\n")),
        "skipped": (TCP, C, b"INFO a SIP/2.0\r\nContent-Length: 20\r\n\r\n0123456789", C, b"0123456789" + sip(BYE, b"1")),
        "web": (TCP | STRICT, C, b"GET / HTTP/1.1\r\n\r\n"),
        "stun": (0, C, b"\0\1\0\0!\x12\xa4B", C, b"\r\n\r\n"),
    },
    "tftp": {
        "read": (0, C, b"\0\1boot.img\0octet\0"),
        "write": (STRICT | V6, C, b"\0\2out\0netascii\0blksize\0001400\0tsize\0000\0"),
        "cut": (0, C, b"\0\1boot.img\0octet"),
        "padded": (0, C, b"\0\1boot.img\0mail\0\0\0\0"),
        "other": (STRICT, C, b"\0\4\0\1", S, b"\0\5\0\1No\0"),
        "short": (STRICT, C, b"\0", C, b"\0\1"),
    },
}

TEXT = b"one\ntwo\n#5\nabcd\nthree\n" + b"x" * 100 + b"\n" + b"four\n" * 20
ACKNOWLEDGE, LIE, RELATIVE = 1, 2, 4

STREAMS = {
    "in-order": (TEXT, [(RELATIVE, 0, 7)] * 30),
    "reordered": (TEXT, [(0, 9, 3), (0, 4, 5), (0, 0, 4), (0, 30, 50), (0, 20, 70), (0, 12, 8)]),
    "again-with-lies": (TEXT, [(0, 0, 20), (LIE, 5, 40), (LIE, 0, 60)]),
    "gap": (TEXT, [(0, 10, 1), (0, 20, 1), (0, 30, 1), (0, 40, 1), (0, 50, 1)]),
    "acknowledged": (TEXT, [(RELATIVE, 0, 4), (ACKNOWLEDGE, 4, 0), (ACKNOWLEDGE, 5, 0)]),
    "too-long": (b"y" * 400, [(RELATIVE, 0, 100)] * 4),
}


def write(name, title, data):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, title), "wb") as file:
        file.write(data)


if __name__ == "__main__":
    for protocol, dialogues in DIALOGUES.items():
        for title, (flags, *words) in dialogues.items():
            write(protocol, title, bytes([flags]) + b"".join(words))
    for title, (text, steps) in STREAMS.items():
        write("stream", title, struct.pack(">H", len(text)) + text + b"".join(struct.pack(">BHH", *one) for one in steps))
