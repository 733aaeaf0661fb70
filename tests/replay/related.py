#!/usr/bin/env python3
"""Real control connections through `spid --replay`: what they announce is related, and nothing else is.

The captures and the list of what is announced in them are no part of this project; they are read at ../shared/captures
beside the checkout, and the test is skipped where they are absent. Only the control ports are allowed. What a capture
announces and never uses is tried: a packet that would use it is put into a copy of the capture."""
import csv
import ipaddress
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("builddir", "."))
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
CAPTURES = os.path.join(SOURCE, "..", "shared", "captures")
SPID = os.path.join(BUILD, "spid")
SECONDS = 120

# Which ALGs a capture needs, and its rules. Signalling and media of the SIP calls are two hosts of one provider.
FTP = "allow any to any tcp 21 alg ftp\n"
SIP = "set media = 212.242.33.36\nallow any to any udp 5060 alg sip media media\n"
IRC = "allow any to any tcp 6667 alg irc\n"
H323 = "allow any to any tcp 1720 alg h323\nallow any to any udp 1719 alg h323\n"
RULES = {
    "ftp-active-get-eicar.pcap": FTP,
    "ftp-bruteforce.pcap": FTP,
    "ftp-epsv-bigtransfer.pcap": FTP,
    "ftp-ipv4-active-passive.pcap": FTP,
    "ftp-upload-active.pcap": FTP,
    "h323-setup-and-ras.pcap": H323,
    "irc-basic.pcap": IRC,
    "irc-dcc-send.pcapng": IRC,
    "irc-dcc-state-growth.pcapng": IRC,
    "pptp-control-and-gre.pcap": "allow any to any tcp 1723 alg pptp\n",
    "rtsp-udp-sessions.pcap": "allow any to any tcp 8554 alg rtsp\n",
    "sip-calls-ftp-dns-mixed.pcap": FTP + SIP,
    "sip-icmp-errors.pcap": SIP,
    "tftp-rrq.pcap": "allow any to any udp 69 alg tftp\n",
}


class Failed(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


def has_alg(name):
    """Does this program have it? It may be built without."""
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as file:
        file.write(f"allow any to any alg {name}\n")
        file.flush()
        done = subprocess.run([SPID, "--check", file.name], capture_output=True, text=True, timeout=SECONDS)
    return "unknown ALG" not in done.stdout + done.stderr


def replay(capture, rules):
    """The packets of the capture by frame, each a dict. Most were captured on the sending host: without checksums."""
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as file:
        file.write(rules + "default deny\n")
        file.flush()
        done = subprocess.run([SPID, "--replay", capture, "-c", file.name, "--json", "--checksums", "ignore"],
                              capture_output=True, text=True, timeout=SECONDS)
    same("exit status", done.returncode, 0)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["packet"]: line for line in lines[:-1]}


def without_algs(rules):
    return re.sub(r" alg .*", "", rules)


def announcements():
    """What the list says, by capture."""
    with open(os.path.join(CAPTURES, "expected_related.tsv"), newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    by_capture = {name: [] for name in RULES}
    for row in rows:
        by_capture[row["capture"]].append(row)
    return by_capture


def used(rows):
    """The frames that use something announced, each with the frames that announce it."""
    frames = {}
    for row in rows:
        if row["first_matching_frame"]:
            frames.setdefault(int(row["first_matching_frame"]), []).append(row)
    return frames


def ends(packet):
    return {(packet["src"], packet["sport"]), (packet["dst"], packet["dport"])}


def check_used(packets, rows):
    """Each announced and used endpoint is a child of who announced it; nothing else is one."""
    children = set()
    for frame, announced in used(rows).items():
        packet = packets[frame]
        what = f"frame {frame}, announced in {announced[0]['announced_in_frame']}"
        same(f"{what}: verdict and state", (packet["verdict"], packet["state"]), ("allow", "related"))
        parents = {packets[int(row["announced_in_frame"])]["connection"] for row in announced}
        if packet["parent"] is None or packet["parent"] not in parents:
            raise Failed(f"{what}: its parent is {packet['parent']!r}, none of {parents!r}")
        for row in announced:
            if row["proto"] in ("tcp", "udp") and \
                    (row["expected_dst"], int(row["expected_dport"])) not in ends(packet):
                raise Failed(f"{what}: {row['expected_dst']} port {row['expected_dport']} is not one of its ends")
        same(f"{what}: first of its connection", frame,
             min(n for n, p in packets.items() if p.get("connection") == packet["connection"]))
        children.add(packet["connection"])
    others = [n for n, p in packets.items() if p.get("state") == "related" and not p["proto"].startswith("icmp")
              and p["connection"] not in children]
    same("other related frames", others, [])


def check_without(packets, rows):
    """Without an ALG nothing comes of it."""
    for frame in used(rows):
        same(f"frame {frame} without an ALG", packets[frame]["verdict"], "deny")
    same("related frames without an ALG", [n for n, p in packets.items() if p.get("state") == "related"
                                           and not p["proto"].startswith("icmp")], [])


# ---- what is announced and never used: tried ----

LINK_HEADER_BYTES = {1: 14, 113: 16}  # Ethernet; Linux cooked


def packets_of(path):
    """The IP packets of a little-endian pcapng, one a frame: (seconds, microseconds, bytes)."""
    with open(path, "rb") as file:
        data = file.read()
    at, link, found = 0, 0, []
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 1:
            link = LINK_HEADER_BYTES[struct.unpack_from("<H", data, at + 8)[0]]
        elif kind == 6:
            high, low, length = struct.unpack_from("<III", data, at + 12)
            found.append((*divmod(high << 32 | low, 1000000), data[at + 28 + link:at + 28 + length]))
        at += total
    return found


def opening(proto, src, sport, dst, dport):
    """A packet that could open a connection."""
    if proto == "udp":
        payload, number = struct.pack(">HHHH", sport, dport, 12, 0) + b"abcd", 17
    else:
        payload, number = struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 8192, 0, 0), 6
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, number, 0)
    header += ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    return header + payload


RAW_IP = 101


def write_with(frames, tries, path):
    """Writes a pcap of the packets with the tries behind them: {frame: [bytes]}. Returns where each try is, in order."""
    places, number = [], 0
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP))
        for index, (seconds, fraction, data) in enumerate(frames, 1):
            for one in [data, *tries.get(index, [])]:
                number += 1
                file.write(struct.pack("<IIII", seconds, fraction, len(one), len(one)) + one)
                if one is not data:
                    places.append(number)
    return places


def check_unused(capture, rules, rows):
    """Behind each announcement that the capture does not use: its peer may, nobody else, and none before it."""
    rows = [row for row in rows if not row["first_matching_frame"]]
    if not rows:
        return 0
    frames, tries, wanted = packets_of(os.path.join(CAPTURES, capture)), {}, []
    for row in rows:
        host, _, port = row["peer"].partition(":")
        frame, to = int(row["announced_in_frame"]), (row["expected_dst"], int(row["expected_dport"]))
        # Whoever does not say his own address announces nothing.
        speaker = str(ipaddress.ip_address(frames[frame - 1][2][12:16]))
        known = host != "any"
        peer = (host, int(port)) if known else ("198.51.100.7", 7777)
        own = known or speaker == row["expected_dst"]
        for where, source, result in ((frame - 1, peer, "deny"), (frame, (peer[0], peer[1] + 1000), "deny"),
                                      (frame, peer, "related" if own else "deny")):
            tries.setdefault(where, []).append(opening(row["proto"], *source, *to))
            wanted.append((where, f"{row['how']} in frame {frame}, {source[0]} port {source[1]} behind frame {where}",
                           result))
    # The tries stand in the file by their frame.
    wanted = [(what, result) for _, what, result in sorted(wanted, key=lambda one: one[0])]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        places = write_with(frames, tries, file.name)
        packets = replay(file.name, rules)
    for place, (what, result) in zip(places, wanted, strict=True):
        packet = packets[place]
        same(what, packet["state"] if packet["verdict"] == "allow" else packet["verdict"], result)
    same("related frames in all", sum(p.get("state") == "related" for p in packets.values()),
         sum(result == "related" for _, result in wanted))
    return len(rows)


def main():
    if not os.path.isdir(CAPTURES):
        print(f"skipped: there are no captures at {CAPTURES}")
        return 77
    failures = held = children = tried = 0
    for capture, rows in announcements().items():
        rules = RULES[capture]
        try:
            missing = sorted({name for name in re.findall("alg ([a-z0-9]+)", rules) if not has_alg(name)})
            if missing:
                print(f"left out: {capture}, for this spid has no {', no '.join(missing)}")
                continue
            path = os.path.join(CAPTURES, capture)
            check_used(replay(path, rules), rows)
            check_without(replay(path, without_algs(rules)), rows)
            tried += check_unused(capture, rules, rows)
            children += len(used(rows))
            held += 1
        except (Failed, KeyError, IndexError, ValueError, subprocess.TimeoutExpired) as why:
            failures += 1
            print(f"FAIL {capture}: {type(why).__name__} {why}")
    print(f"{held} captures hold, {failures} failed: {children} announced connections came, {tried} were tried")
    return 1 if failures or held == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
