#!/usr/bin/env python3
"""What is explained is what decided: every capture, with and without the path of its decisions.

The path comes from the engine itself while it decides. With it every packet must get the very verdict that it gets
without, which is decided by the compiled rules; and a path must say no more and no less than that."""
import glob
import json
import os
import subprocess
import sys
import tempfile

CAPTURES = os.path.join(os.environ.get("srcdir", "."), "..", "shared", "captures")
SPID = os.path.join(os.environ.get("builddir", "."), "spid")

# Rules that a mixed lot of captures meets in many places; many enough that they are compiled.
RULES = """
zone inside = eth1 net 10.0.0.0/8, 192.168.0.0/16, 172.16.0.0/12, fe80::/10, fd00::/8
zone outside = eth0
set hosts = 141.142.220.235, 192.168.56.0/24, 4.4.4.20, 10.1.1.10, 10.0.0.7
set late = dynamic max 100 timeout 1h
audit any to any tcp 21
allow hosts to any tcp 21 alg ftp as "ftp"
allow any to any tcp 21 established,related
deny 64.13.134.52 to any as "scanned"
allow 172.16.0.0/12 to 64.13.134.0/24 tcp 22,25,53,80 limit new 20/s overload late
reject any to 64.13.134.52 tcp 113
deny late to any
allow inside to outside tcp 80,443,8080 as "web"
allow any to !hosts udp 53
allow any to any udp 69 alg tftp
allow any to any icmp 8, icmp6 128 when always
allow any to any tcp 22 when never
allow any port 1024-65535 to any udp 1024-65535
allow any to any tcp 1024-65535 flags syn/syn,ack
allow any to any tcp 80
deny any to any tcp 6667 invalid
allow any to any tcp 6667 alg irc
allow inside to inside
schedule always = mon-sun
schedule never = mon 00:00-00:01
default deny
"""


def replay(path, rules, *words):
    done = subprocess.run([SPID, "--replay", path, "-c", rules, "--json", "--checksums", "ignore", *words],
                          capture_output=True, text=True, timeout=300)
    # A file that is no whole capture is read as far as it goes; that is another test's concern.
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{path}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def complaints(plain, told):
    """What does not fit in one packet's line with its path (None: the rules were not asked)."""
    path = told.pop("path", None)
    if plain != told:
        yield f"decided otherwise when watched: {plain} and {told}"
    if path is None:
        return
    deciding = [step for step in path if step["matched"] and step["action"] != "audit"]
    if any(step["matched"] == ("failed" in step) for step in path):
        yield "a rule neither matched nor failed"
    if told["reason"] == "rule":
        if deciding != path[-1:] or path[-1]["rule"] != told["rule"] or path[-1]["action"] != told["verdict"]:
            yield f"the path ends in {path[-1:]}"
    elif told["reason"] == "default" and deciding:
        yield f"the path decides by {deciding}"


def main():
    captures = sorted(glob.glob(os.path.join(CAPTURES, "*.pcap*")) + glob.glob(os.path.join(CAPTURES, "malformed", "*.pcap*")))
    if not captures:
        print("skipped: there are no captures at ../shared/captures")
        return 77
    packets = asked = failures = 0
    reasons, rules_met = set(), set()
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as file:
        file.write(RULES)
        file.flush()
        for path in captures:
            for plain, told in zip(replay(path, file.name), replay(path, file.name, "--verbose"), strict=True):
                if "packet" not in plain:
                    continue
                packets += 1
                asked += "path" in told
                reasons.add(plain.get("reason"))
                rules_met.add(plain.get("rule"))
                for complaint in complaints(plain, told):
                    failures += 1
                    print(f"{path} {plain['packet']}: {complaint}")
    print(f"{len(captures)} captures, {packets} packets, the rules asked about {asked}, {len(rules_met)} rules met, "
          f"{failures} failures")
    enough = asked > 4000 and len(rules_met) > 10 and {"rule", "default"} <= reasons
    if not enough:
        print(f"too little was met to mean anything: {sorted(map(str, reasons))} {sorted(map(str, rules_met))}")
    return 0 if failures == 0 and enough else 1


if __name__ == "__main__":
    sys.exit(main())
