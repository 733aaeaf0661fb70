#!/usr/bin/env python3
"""Real captures through `spid --replay`: what their index says must happen, as assertions.

The captures are no part of this project; they are read at ../shared/captures beside the checkout, and the test is skipped
where they are absent. Each entry names its facts; they come from the captures' index and its flow lists, not from spid."""
import glob
import json
import os
import subprocess
import sys

BUILD = os.path.abspath(os.environ.get("builddir", "."))
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
CAPTURES = os.path.join(SOURCE, "..", "shared", "captures")
ANY = os.path.join(SOURCE, "tests", "replay", "any.rules")

SECONDS = 120


class Replay:
    """One run of spid over a capture: its packets (dicts, by frame from 1) and its summary."""

    def __init__(self, capture, *options, rules=ANY):
        command = [os.path.join(BUILD, "spid"), "--replay", capture, "-c", rules, "--json", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        self.status, self.errors = done.returncode, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.summary = lines[-1]["summary"] if lines else {}
        self.packets = {line["packet"]: line for line in lines[:-1]}

    def of(self, **wanted):
        """The frames whose fields have these values."""
        return [n for n, p in self.packets.items() if all(p.get(k) == v for k, v in wanted.items())]

    def connections(self, proto):
        return len({p["connection"] for p in self.packets.values()
                    if p["verdict"] != "skip" and p["proto"] == proto and p["connection"] and p["state"] != "related"})


class Failed(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


def no_denied(r, *reasons):
    """Nothing is denied, for one of these reasons or for any."""
    denied = [n for n, p in r.packets.items() if p["verdict"] == "deny" and (not reasons or p["reason"] in reasons)]
    same("denied frames", denied, [])


def five_pings(r):
    same("connections", r.summary["connections"], 1)
    same("allowed", r.summary["allow"], 10)
    same("the first request", r.packets[1]["state"], "new")
    same("its reply", r.packets[2]["state"], "established")


def traceroute(r):
    same("connections", r.summary["connections"], 1)
    same("related errors", len(r.of(state="related", verdict="allow")), 24)
    same("established and new", len(r.packets) - len(r.of(state="related")), 30)
    no_denied(r)


def lone_error(r):
    same("verdict", (r.packets[1]["verdict"], r.packets[1]["state"], r.packets[1]["reason"]),
         ("deny", "invalid", "icmp-unrelated"))
    same("connections", r.summary["connections"], 0)


def sip_errors(r):
    errors = [7, 10, 12, 14, 15]
    for n in errors:
        same(f"frame {n}", (r.packets[n]["state"], r.packets[n]["verdict"]), ("related", "allow"))
        flow = r.packets[n]["connection"]
        first = min(m for m, p in r.packets.items() if p.get("connection") == flow)
        same(f"what frame {n} is about", (r.packets[first]["proto"], r.packets[first]["src"],
                                          r.packets[first]["sport"]), ("udp", "147.32.77.113", 5060))
    same("udp flows", r.connections("udp"), 10)


def rst_inject(r):
    same("the bogus RST", (r.packets[2]["verdict"], r.packets[2]["reason"]), ("deny", "tcp-reset"))
    same("the SYN+ACK behind it", (r.packets[3]["verdict"], r.packets[3]["state"]), ("allow", "established"))
    same("the real RST", r.packets[r.of(src=r.packets[3]["src"])[2]]["verdict"], "allow")
    same("connections", r.summary["connections"], 1)


def out_of_window(r):
    same("frames 1 and 2", [r.packets[n]["verdict"] for n in (1, 2)], ["allow", "allow"])
    same("frame 3", (r.packets[3]["verdict"], r.packets[3]["state"]), ("deny", "invalid"))
    if r.packets[3]["reason"] not in ("tcp-window", "tcp-handshake"):
        raise Failed(f"frame 3 has the reason {r.packets[3]['reason']}")


def midstream(r):
    same("reasons", r.summary["reasons"], {"tcp-no-connection": 3})
    same("connections", r.summary["connections"], 0)


def missing_syn(r):
    same("allowed", r.summary["allow"], 0)
    same("connections", r.summary["connections"], 0)


def ten_packets(r):
    same("allowed", r.summary["allow"], 10)
    same("connections", r.summary["connections"], 1)
    same("to the server and back", (len(r.of(src=r.packets[1]["src"])), len(r.of(src=r.packets[1]["dst"]))), (6, 4))


def whole_sessions(connections):
    """So many TCP connections, and no segment of them is denied."""
    def check(r):
        no_denied(r)
        same("tcp connections", r.connections("tcp"), connections)
    return check


def split_handshake(r):
    no_denied(r)
    same("connections", r.summary["connections"], 1)
    same("who opened it", r.packets[1]["src"], "1.1.1.1")


def syn_in_established(r):
    no_denied(r)
    same("connections", r.summary["connections"], 1)
    same("the second SYN", r.packets[4]["state"], "established")


def reordered_handshake(r):
    # The SYN+ACK comes before its SYN: it belongs to nothing then, and its sender will send it again; what matters is
    # that the connection is the client's (tracking.md: no pick-up).
    same("the SYN+ACK", r.packets[1]["reason"], "tcp-no-connection")
    same("the SYN", (r.packets[2]["verdict"], r.packets[2]["state"], r.packets[2]["src"]),
         ("allow", "new", "141.142.228.5"))
    same("connections", r.summary["connections"], 1)


def fast_open(r):
    no_denied(r)
    same("tcp connections", r.connections("tcp"), 2)


def synscan(r):
    # 1994 tuples are tried; those that are tried again after 30 s idle are a second connection each (tcp.syn-sent).
    same("tuples", len({(p["src"], p["sport"], p["dst"], p["dport"]) for p in r.packets.values()
                        if p["verdict"] == "allow" and p["state"] == "new"}), 1994)
    no_denied(r, "tcp-handshake", "tcp-window")


def mixed_raw(r):
    same("skipped", len(r.of(verdict="skip")), 7)
    same("udp flows", r.connections("udp"), 5)
    same("pings", r.connections("icmp"), 1)
    same("midstream tcp", set(p["reason"] for p in r.packets.values() if p.get("proto") == "tcp"),
         {"tcp-no-connection"})


def sll2(r):
    same("skipped", len(r.of(verdict="skip")), 2)
    same("connections", (r.connections("icmp"), r.connections("icmp6")), (1, 1))
    no_denied(r)


def arp_scan(r):
    same("skipped", len(r.of(verdict="skip")), 519)
    same("udp packets", len(r.of(proto="udp", verdict="allow")), 15)
    same("connections", r.summary["connections"], 1)


def tiny_fragments(r):
    same("every fragment", [(p["verdict"], p["state"], p["dport"]) for p in r.packets.values()],
         [("allow", "new", 8080)] * 3)
    same("connections", r.summary["connections"], 1)


def conflicting_fragments(r):
    same("reasons of the fragments", {p["reason"] for p in r.packets.values()} - {"rule"}, {"bad-fragment"})


def unfinished_datagram(r):
    same("reasons", r.summary["reasons"], {"bad-fragment": 5})
    same("connections", r.summary["connections"], 0)


def nfs_fragments(r):
    same("connections", r.summary["connections"], 1)
    same("frames of udp", len(r.of(proto="udp")), 53)


def atomic_fragments(r):
    # Type 0 routing headers are refused (RFC 5095): which frames those are, tshark says with ipv6.routing.type == 0.
    same("fragments denied as such", r.of(reason="bad-fragment"), [])
    same("some tcp goes on", len(r.of(proto="tcp", verdict="allow")) > 0, True)


def duplicate_ipv6(r):
    # The index asks to drop the datagram, because its second piece comes twice with other bytes. The piece covers exactly
    # the same range, and that the kernel takes for a duplicate and ignores: the first bytes count. A replay does as the
    # live gateway does.
    same("the datagram's pieces", {r.packets[n]["verdict"] for n in (5, 6, 8, 9)}, {"allow"})
    same("echo sessions", len({r.packets[n]["connection"] for n in (1, 2, 5, 9, 10, 11)}), 1)


def bad_checksums(r):
    same("reasons", r.summary["reasons"], {"bad-checksum": 6})


def qinq(r):
    no_denied(r)
    same("tcp connections", r.connections("tcp"), 1)


def sixinfour(r):
    same("protocol", (r.packets[1]["proto"], r.packets[1]["sport"], r.packets[1]["verdict"]), ("41", None, "allow"))


def vxlan(r):
    # The index counts the inner flows; outside there are four, for VXLAN's source port is a hash of what is within.
    same("udp flows", r.connections("udp"), 4)
    same("ports", {p["dport"] for p in r.packets.values()}, {4789})


def sctp(r):
    same("every packet is sctp", {p["proto"] for p in r.packets.values()}, {"sctp"})


def pptp(r):
    same("tcp connections", r.connections("tcp"), 1)
    same("gre", len(r.of(proto="gre", verdict="allow")) > 0, True)


def fuzzed(r):
    same("bad headers are denied", r.summary["deny"] > 43, True)


def iodine(r):
    same("udp flows", r.connections("udp"), 1)
    same("packets of it", len(r.of(proto="udp", verdict="allow")), 434)


def one_sided(r):
    same("nothing of it is taken", {p["reason"] for p in r.packets.values()}, {"tcp-no-connection"})


def ftp_flows(connections):
    def check(r):
        same("tcp connections", r.connections("tcp"), connections)
        no_denied(r)
    return check


def zero_window(r):
    same("reasons", set(r.summary["reasons"]), {"tcp-no-connection"})


def conn_rate(r):
    same("tcp connections", r.connections("tcp"), 100)


def huge_gaps(r):
    # Between the captured segments of the second transfer lie gigabytes: no window reaches so far (tracking.md), and a
    # gateway that had seen them all would have moved on. Before the first gap, and on the control connection, nothing
    # may be denied.
    same("denied before the gap", [n for n in r.of(verdict="deny") if n < 53], [])
    same("denied on the control connection", [n for n in r.of(verdict="deny") if 21 in
                                               (r.packets[n]["sport"], r.packets[n]["dport"])], [])
    same("tcp connections", r.connections("tcp"), 3)


def keepalives(r):
    no_denied(r, "tcp-window", "tcp-handshake")


# The ones with unfilled checksums were captured on a sending host.
IGNORE = ("--checksums", "ignore")
FACTS = [
    ("icmp-5-pings.pcap", (), five_pings),
    ("icmp-traceroute.pcapng", (), traceroute),
    ("icmp-destunreach-udp.pcap", (), lone_error),
    ("icmp6-destunreach-ext-udp.pcap", (), lone_error),
    ("sip-icmp-errors.pcap", IGNORE, sip_errors),
    ("tcp-rst-inject.pcap", IGNORE, rst_inject),
    ("tcp-out-of-window-v4.pcap", IGNORE, out_of_window),
    ("tcp-midstream-drop.pcap", IGNORE, midstream),
    ("tcp-missing-syn.pcap", IGNORE, missing_syn),
    ("tcp-async-one-sided.pcap", IGNORE, one_sided),
    ("tcp-session-ten-packets.pcap", IGNORE, ten_packets),
    ("tcp-retrans-http.pcap", IGNORE, whole_sessions(1)),
    ("tcp-urgent-oob.pcap", IGNORE, whole_sessions(1)),
    ("tcp-rst-unacked-http.pcap", IGNORE, whole_sessions(1)),
    ("tcp-overlap-exact.pcap", IGNORE, whole_sessions(1)),
    ("dns-tcp.pcap", IGNORE, whole_sessions(2)),
    ("tcp-split-handshake-4whs.pcap", IGNORE, split_handshake),
    ("tcp-syn-syn.pcap", IGNORE, syn_in_established),
    ("tcp-handshake-reorder.pcap", IGNORE, reordered_handshake),
    ("tcp-fastopen.pcap", IGNORE, fast_open),
    ("tcp-zero-window-recovery.pcapng", IGNORE, zero_window),
    ("attack-synscan.pcapng", IGNORE, synscan),
    ("attack-slips-malicious8.pcap", IGNORE, arp_scan),
    ("attack-conn-rate-100.pcap", IGNORE, conn_rate),
    ("attack-sqli-web.pcap", IGNORE, lambda r: same("tcp connections", r.connections("tcp"), 9)),
    ("link-raw-ip.pcap", IGNORE, mixed_raw),
    ("link-sll2.pcap", IGNORE, sll2),
    ("vlan-two.pcap", (), bad_checksums),
    ("vlan-two.pcap", IGNORE, qinq),
    ("tunnel-6in4.pcap", IGNORE, sixinfour),
    ("tunnel-vxlan.pcap", IGNORE, vxlan),
    ("sctp.cap", IGNORE, sctp),
    ("frag-ipv4-tcp-syn.pcap", IGNORE, tiny_fragments),
    ("frag-ipv4-1.pcap", IGNORE, conflicting_fragments),
    ("frag-ipv4-3.pcap", IGNORE, unfinished_datagram),
    ("frag-ipv4-many.pcap", IGNORE, nfs_fragments),
    ("frag-ipv6-http-atomic.pcap", IGNORE, atomic_fragments),
    ("frag-ipv6-malformed-1.pcap", IGNORE, duplicate_ipv6),
    ("fuzz-mixed-2006-09.pcap", (), fuzzed),
    ("dns-tunnel-iodine.pcap", IGNORE, iodine),
    ("pptp-control-and-gre.pcap", IGNORE, pptp),
    ("ftp-ipv4-active-passive.pcap", IGNORE, ftp_flows(5)),
    ("ftp-upload-active.pcap", IGNORE, ftp_flows(4)),
    ("ftp-active-get-eicar.pcap", IGNORE, ftp_flows(2)),
    ("ftp-epsv-bigtransfer.pcap", IGNORE, huge_gaps),
    ("ftp-bruteforce.pcap", IGNORE, lambda r: same("tcp connections", r.connections("tcp"), 30)),
    ("irc-basic.pcap", IGNORE, whole_sessions(1)),
    ("h323-setup-and-ras.pcap", IGNORE, keepalives),
    ("tftp-rrq.pcap", IGNORE, lambda r: same("udp flows", r.connections("udp"), 2)),
]


def run_facts():
    failures = 0
    for name, options, check in FACTS:
        try:
            r = Replay(os.path.join(CAPTURES, name), *options)
            same("exit status", r.status, 0)
            check(r)
        except (Failed, KeyError, IndexError, ValueError, subprocess.TimeoutExpired) as why:
            failures += 1
            print(f"FAIL {name} {' '.join(options)}: {type(why).__name__} {why}")
    return len(FACTS), failures


def run_all():
    """Every capture, the malformed ones too: an exit status of 0, or 1 with words; never a signal; always whole JSON."""
    failures, files = 0, sorted(glob.glob(os.path.join(CAPTURES, "**", "*.*cap*"), recursive=True))
    files = [f for f in files if not f.endswith(".tsv")]
    for path in files:
        try:
            r = Replay(path)
            if r.status not in (0, 1):
                raise Failed(f"exit status {r.status}: {r.errors[-500:]}")
            if r.status == 1 and "spid: " not in r.errors:
                raise Failed("exit status 1 without a word")
            if r.status == 0:
                same("frames of the summary", r.summary["packets"], len(r.packets))
                same("frames in order", list(r.packets), list(range(1, len(r.packets) + 1)))
        except (Failed, ValueError, KeyError, subprocess.TimeoutExpired) as why:
            failures += 1
            print(f"FAIL {os.path.relpath(path, CAPTURES)}: {type(why).__name__} {why}")
    return len(files), failures


if __name__ == "__main__":
    if not os.path.isdir(CAPTURES):
        print(f"skipped: there are no captures at {CAPTURES}")
        sys.exit(77)
    totals = [run_facts(), run_all()]
    print(f"{sum(t[0] for t in totals)} captures held against their facts, {sum(t[1] for t in totals)} failed")
    sys.exit(1 if any(t[1] for t in totals) else 0)
