"""PPTP's messages (RFC 2637, 2) and its GRE packets (4.1), as bytes: written from the RFC alone."""
import struct

NAMES = ("", "SCCRQ", "SCCRP", "StopRQ", "StopRP", "EchoRQ", "EchoRP", "OCRQ", "OCRP", "ICRQ", "ICRP", "ICCN", "CCRQ", "CDN",
         "WEN", "SLI")
LENGTHS = (0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24)


def message(name, body=b"", length=None, magic=0x1A2B3C4D, kind=1):
    """A control message; the rest of it is zero."""
    number = NAMES.index(name)
    length = LENGTHS[number] if length is None else length
    return (struct.pack(">HHIHH", length, kind, magic, number, 0) + body).ljust(length, b"\0")


def start():
    return message("SCCRQ", struct.pack(">HHIIHH", 0x100, 0, 3, 3, 1, 0))


def started():
    return message("SCCRP", struct.pack(">HBBIIHH", 0x100, 1, 0, 3, 3, 1, 0))


def outgoing(call):
    return message("OCRQ", struct.pack(">HHII", call, 1, 300, 100000000))


def outgoing_reply(call, peer, result=1):
    return message("OCRP", struct.pack(">HHBB", call, peer, result, 0))


def incoming(call):
    return message("ICRQ", struct.pack(">HHII", call, 1, 3, 0))


def incoming_reply(call, peer, result=1):
    return message("ICRP", struct.pack(">HHBB", call, peer, result, 0))


def incoming_connected(peer):
    return message("ICCN", struct.pack(">HH", peer, 0))


def clear(call):
    return message("CCRQ", struct.pack(">HH", call, 0))


def disconnect(call):
    return message("CDN", struct.pack(">HBB", call, 3, 0))


def stop():
    return message("StopRQ", b"\1")


def echo():
    return message("EchoRQ", b"\0\0\0\7")


def gre(call, sequence=1):
    payload = b"\xff\x03\xc0\x21"
    return struct.pack(">HHHHI", 0x3001, 0x880B, len(payload), call, sequence) + payload
