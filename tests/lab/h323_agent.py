#!/usr/bin/env python3
"""One side of an H.323 call, by script: h323_agent.py caller|callee|phone|keeper OWN-ADDRESS PEER-ADDRESS.

Says what a user agent says (tests/scenario/h323_messages.py), hears whatever answers, and prints what came about. The caller
uses RTP port 5000, the callee 6000; a phone registers and is called by its gatekeeper."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import h323_messages as h323

SECONDS = 4
UNANNOUNCED = 5010


def fail(what):
    print(what)
    sys.exit(1)


class Stream:
    """A TCP connection of whole TPKTs."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(SECONDS)

    def bytes(self, count):
        data = b""
        while len(data) < count:
            more = self.connection.recv(count - len(data))
            if not more:
                fail("the connection ended")
            data += more
        return data

    def hear(self):
        return self.bytes(int.from_bytes(self.bytes(4)[2:], "big") - 4)

    def say(self, data):
        self.connection.sendall(data)


def connect(own, peer, port):
    try:
        return Stream(socket.create_connection((peer, port), SECONDS, (own, 0)))
    except OSError:
        fail(f"no connection to port {port}")


def listen(own, port):
    return socket.create_server((own, port), family=socket.AF_INET6 if ":" in own else socket.AF_INET)


def accept(listener, what):
    listener.settimeout(3 * SECONDS)
    try:
        return Stream(listener.accept()[0])
    except TimeoutError:
        fail(f"no {what}")


def datagrams(own, port):
    sock = socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((own, port))
    sock.settimeout(SECONDS)
    return sock


def exchange(rtp, peer, port, what):
    """Sends and waits for what comes back."""
    rtp.sendto(b"\x80" * 160, (peer, port))
    try:
        rtp.recv(1000)
    except TimeoutError:
        fail(f"no {what}")


def caller(own, peer):
    rtp, rtcp, other = datagrams(own, 5000), datagrams(own, 5001), datagrams(own, UNANNOUNCED)
    signalling = connect(own, peer, 1720)
    signalling.say(h323.setup())
    signalling.hear()
    control = connect(own, peer, 5555)
    control.say(h323.h245(h323.open_channel(1, h323.parameters(1, None, h323.media(own, 5001)))))
    control.hear()
    control.hear()
    control.say(h323.h245(h323.open_ack(1, h323.media(own, 5000), h323.media(own, 5001))))
    control.hear()  # the callee's ports are ready
    exchange(rtp, peer, 6000, "RTP")
    exchange(rtcp, peer, 6001, "RTCP")
    other.settimeout(0.5)
    try:
        other.recv(1000)
        fail("a port that was not announced is open")
    except TimeoutError:
        pass
    signalling.say(h323.release())
    print("a call")


def callee(own, peer, listener=None):
    listener = listener or listen(own, 1720)
    h245, rtp, rtcp = listen(own, 5555), datagrams(own, 6000), datagrams(own, 6001)
    print("listens", flush=True)
    signalling = accept(listener, "call")
    signalling.hear()
    signalling.say(h323.connect(h323.place(own, 5555)))
    control = accept(h245, "H.245")
    control.hear()
    control.say(h323.h245(h323.open_ack(1, h323.media(own, 6000), h323.media(own, 6001))))
    control.say(h323.h245(h323.open_channel(1, h323.parameters(1, None, h323.media(own, 6001)))))
    control.hear()
    control.say(h323.h245(h323.master_slave()))
    for sock, port in ((rtp, 5000), (rtcp, 5001)):
        try:
            sock.recv(1000)
        except TimeoutError:
            fail(f"nothing came for port {port}")
        sock.sendto(b"\x80" * 160, (peer, UNANNOUNCED))
        sock.sendto(b"\x80" * 160, (peer, port))
    signalling.hear()
    print("a call")


def phone(own, peer):
    listener, ras = listen(own, 1720), datagrams(own, 1719)
    ras.sendto(h323.registration(1, h323.place(own, 1720)), (peer, 1719))
    try:
        ras.recv(1000)
    except TimeoutError:
        fail("no registration")
    callee(own, peer, listener)


def keeper(own, peer):
    ras = datagrams(own, 1719)
    print("listens", flush=True)
    ras.settimeout(3 * SECONDS)
    try:
        _, place = ras.recvfrom(1000)
    except TimeoutError:
        fail("no registration")
    ras.sendto(h323.registration_confirm(1, h323.place(own, 1720), life=60), place)
    caller(own, peer)


if __name__ == "__main__":
    {"caller": caller, "callee": callee, "phone": phone, "keeper": keeper}[sys.argv[1]](*sys.argv[2:])
