#!/usr/bin/env python3
"""Bulk TCP through the daemon against plain forwarding: a file over HTTP, in turn, round by round; prints the ratio.

    python3 bench/bulk.py --build build [--rounds 5] [--megabytes 200]

Needs root and what the lab needs (tests/lab/lab.py). A figure, not a test."""
import argparse
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "lab"))
import lab as lab_module
from lab import SERVER4, SERVER6, Lab

RULES = "zone lan = eth1\nzone wan = eth0\nallow lan to any tcp 80\n"


def megabytes_a_second(lab, address):
    done = lab.run("client", "curl", "-s", "-o", "/dev/null", "-w", "%{speed_download}", f"http://{address}/file",
                   check=True)
    return float(done.stdout) / 1e6


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default="build")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--megabytes", type=int, default=200)
    chosen = arguments.parse_args()
    reason = lab_module.why_not()
    if reason:
        sys.exit(f"bulk: {reason}")
    lab = Lab(chosen.build)
    lab.web("server", 80, size=chosen.megabytes * 1000000)
    megabytes_a_second(lab, SERVER4)
    for name, address in (("IPv4", SERVER4), ("IPv6", f"[{SERVER6}]")):
        ratios = []
        for _ in range(chosen.rounds):
            plain = megabytes_a_second(lab, address)
            spid = lab.spid(RULES)
            judged = megabytes_a_second(lab, address)
            spid.stop()
            ratios.append(judged / plain)
            print(f"{name}: plain {plain:6.0f} MB/s, through spid {judged:6.0f} MB/s, ratio {judged / plain:.2f}")
        print(f"{name}: ratio {statistics.median(ratios):.2f} (median; {min(ratios):.2f} to {max(ratios):.2f})")
    lab.close()


if __name__ == "__main__":
    main()
