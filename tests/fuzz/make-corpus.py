#!/usr/bin/env python3
"""Writes the decoder's corpus: one small well-formed packet for each thing that the decoder knows, and a few bad ones.

The form of the files is told in fuzz_decode.c. Run it in tests/fuzz; the files are committed."""
import ipaddress
import os
import struct

TCP, UDP, ICMP, ICMP6, SCTP, GRE, ESP, AH = 6, 17, 1, 58, 132, 47, 50, 51
V4 = ("192.0.2.1", "198.51.100.2")
V6 = ("2001:db8::1", "2001:db8:1::2")
VERIFY, GOOD, UNFILLED = 0, 1, 2


def internet_checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return ~crc & 0xFFFFFFFF


def with_checksum(protocol, data, ends):
    addresses = b"".join(ipaddress.ip_address(end).packed for end in ends)
    pseudo = addresses + struct.pack(">II", len(data), protocol)
    place = {TCP: 16, UDP: 6, ICMP6: 2}.get(protocol)
    if place is not None:
        number = internet_checksum(pseudo + data)
        return data[:place] + struct.pack(">H", number or 0xFFFF) + data[place + 2:]
    if protocol == ICMP:
        return data[:2] + struct.pack(">H", internet_checksum(data)) + data[4:]
    if protocol == SCTP:
        return data[:8] + struct.pack("<I", crc32c(data)) + data[12:]
    return data


def ip(protocol, data, ends=V4, options=b"", first=None, fragment=0x4000):
    source, target = (ipaddress.ip_address(end).packed for end in ends)
    data = with_checksum(protocol, data, ends)
    if len(source) == 16:
        number = protocol if first is None else first
        return struct.pack(">IHBB", 6 << 28, len(options) + len(data), number, 64) + source + target + options + data
    header = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(data), 1, fragment, 64,
                         protocol, 0) + source + target + options
    return header[:10] + struct.pack(">H", internet_checksum(header)) + header[12:] + data


def tcp(flags, options=b"", payload=b"", ends=V4):
    offset = 5 + len(options) // 4
    header = struct.pack(">HHIIBBHHH", 1234, 80, 1000, 2000, offset << 4, flags, 8192, 0, 0)
    return ip(TCP, header + options + payload, ends)


def udp(payload=b"", ends=V4, length=None, **more):
    return ip(UDP, struct.pack(">HHHH", 1234, 53, 8 + len(payload) if length is None else length, 0) + payload, ends,
              **more)


def icmp(kind, payload=b"", ends=V4, code=0):
    protocol = ICMP6 if ":" in ends[0] else ICMP
    return ip(protocol, struct.pack(">BBHHH", kind, code, 0, 7, 1) + payload, ends)


def sctp(chunks, ends=V4):
    return ip(SCTP, struct.pack(">HHII", 1234, 2905, 99, 0) + chunks, ends)


def padding(following):
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


SYN_OPTIONS = bytes.fromhex("020405b40402080a00000001000000000103030e")
TIMESTAMPS = bytes.fromhex("0101080a0000000100000002")
SACK = bytes.fromhex("0101050a000007d000000bb8")
INIT = bytes.fromhex("01000014" "12345678" "00001000" "000a000a" "00000001")

PACKETS = {
    "tcp-syn": tcp(0x02, SYN_OPTIONS),
    "tcp-data": tcp(0x18, TIMESTAMPS, b"hello"),
    "tcp-sack": tcp(0x10, SACK),
    "tcp-rst": tcp(0x04),
    "tcp-syn-v6": tcp(0x02, SYN_OPTIONS, ends=V6),
    "tcp-bad-option": tcp(0x10, b"\x05\x00\x00\x00"),
    "udp": udp(b"hello"),
    "udp-router-alert": udp(b"hello", options=b"\x94\x04\x00\x00"),
    "udp-bad-ip-option": udp(b"hello", options=b"\x94\x00\x00\x00"),
    "udp-short-length": udp(b"hello", length=8),
    "udp-long-length": udp(b"hello", length=99),
    "udp-v6": udp(b"hello", ends=V6),
    "udp-first-fragment": udp(b"hello", fragment=0x2000),
    "udp-later-fragment": udp(b"hello", fragment=0x0001),
    "udp-multicast": udp(b"hello", ends=("192.0.2.1", "224.0.0.251")),
    "udp-mapped": udp(b"hello", ends=("::ffff:192.0.2.1", "2001:db8::1")),
    "icmp-echo": icmp(8, b"hello"),
    "icmp-reply": icmp(0, b"hello"),
    "icmp-timestamp": icmp(13, bytes(12)),
    "icmp-redirect": icmp(5, udp(b"hello")),
    "icmp6-echo": icmp(128, b"hello", V6),
    "icmp6-advertisement": icmp(134, bytes(8), V6),
    "icmp-error-tcp": icmp(3, tcp(0x02, SYN_OPTIONS)),
    "icmp-error-8-bytes": icmp(11, tcp(0x02)[:28]),
    "icmp-error-7-bytes": icmp(11, tcp(0x02)[:27]),
    "icmp-error-options": icmp(3, udp(b"hello", options=b"\x94\x04\x00\x00")),
    "icmp-error-error": icmp(3, icmp(3, udp(b"hello"))),
    "icmp-error-echo": icmp(3, icmp(8, b"hello")),
    "icmp-error-gre": icmp(3, ip(GRE, bytes.fromhex("2000080001020304"))),
    "icmp-error-sctp": icmp(3, sctp(INIT)),
    "icmp-error-empty": icmp(3),
    "icmp6-error-extension": icmp(1, udp(b"hello", V6, options=padding(UDP), first=60), V6),
    "icmp6-error-fragment": icmp(3, udp(b"hello", V6, options=bytes.fromhex("1100000100000001"), first=44), V6),
    "sctp-init": sctp(INIT),
    "sctp-data": sctp(bytes.fromhex("00030004"), V6),
    "sctp-bad-chunk": sctp(bytes.fromhex("00030003")),
    "gre": ip(GRE, bytes.fromhex("00000800")),
    "gre-all": ip(GRE, bytes.fromhex("b000080043f800000102030400000001")),
    "gre-pptp": ip(GRE, bytes.fromhex("3081880b000200010000000100000001") + b"ab"),
    "esp": ip(ESP, bytes.fromhex("0000010000000001") + b"abcd"),
    "ah": ip(AH, bytes.fromhex("060100000000010000000001")),
    "other": ip(200, b"anything"),
    "none-next-v6": ip(59, b"", V6),
    "v6-hop-by-hop": udp(b"hello", V6, options=padding(UDP), first=0),
    "v6-eight-extensions": udp(b"hello", V6, options=padding(60) * 7 + padding(UDP), first=60),
    "v6-nine-extensions": udp(b"hello", V6, options=padding(60) * 8 + padding(UDP), first=60),
    "v6-atomic-fragment": udp(b"hello", V6, options=bytes.fromhex("1100000012345678"), first=44),
    "v6-routing-0": udp(b"hello", V6, options=bytes.fromhex("1100000100000000"), first=43),
    "v6-routing-4": udp(b"hello", V6, options=bytes.fromhex("1102040100000000") + ipaddress.ip_address(V6[1]).packed,
                        first=43),
    "v6-jumbo": udp(b"hello", V6, options=bytes.fromhex("1100c20400010000"), first=0),
    "v6-ah": udp(b"hello", V6, options=bytes.fromhex("110400000000010000000001") + b"0123456789ab", first=51),
}


# Files of another status, or of which the last bytes are missing: name, packet, status, bytes kept.
SPECIAL = [
    ("cut-payload", "tcp-data", VERIFY, 52),
    ("cut-good", "tcp-data", GOOD, 54),
    ("cut-header", "tcp-data", UNFILLED, 51),
    ("udp-short-length-good", "udp-short-length", GOOD, None),
]


def write(folder, name, packet, status=VERIFY, kept=None):
    data = packet[:kept]
    with open(os.path.join(folder, name), "wb") as file:
        file.write(struct.pack(">BH", status, len(packet) - len(data)) + data)


if __name__ == "__main__":
    into = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "decode")
    os.makedirs(into, exist_ok=True)
    for title, whole in PACKETS.items():
        write(into, title, whole)
    for title, of, how, length in SPECIAL:
        write(into, title, PACKETS[of], how, length)
