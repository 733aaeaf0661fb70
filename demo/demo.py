#!/usr/bin/env python3
"""The demonstration: the real daemon with etc/spid.rules on a gateway between two hosts, real clients and servers, each
verdict with its rule as it happens, and at the end a table of what was expected and what was seen."""
import argparse
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "lab"))
import lab as lab_module
from lab import CLIENT4, OUTSIDE4, SERVER4, SERVER6, Lab

COLOURS = {"allow": "32", "deny": "31", "reject": "33", "head": "1", "dim": "2"}
VERDICT = re.compile(r"spid: ((allow|deny|reject) .*)")


def colour(kind, text):
    return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if sys.stdout.isatty() else text


class Demo:
    def __init__(self, lab, rules):
        self.lab, self.rules = lab, rules
        self.outcomes = []
        self.spid = None
        self.shown = 0

    def head(self, text):
        print("\n" + colour("head", text), flush=True)

    def say(self, text):
        print("  " + text, flush=True)

    def verdicts(self):
        """Shows the verdicts since the last time; of established packets only how many there were."""
        time.sleep(0.15)  # the daemon writes its log every 50 ms
        log, established = self.spid.log(), 0
        for line in log[self.shown:].splitlines():
            found = VERDICT.match(line)
            if not found:
                continue
            words = found[1].split()
            if words[1] == "established" and words[0] == "allow":
                established += 1
                continue
            print("    " + colour(words[0], f"{words[0]:6}") + " " + " ".join(words[1:]).replace(self.rules, "spid.rules"))
        if established:
            print(colour("dim", f"    allow  established: {established} packets more"))
        self.shown = len(log)

    def step(self, story, expected, act):
        self.head(story)
        seen = act()
        self.verdicts()
        self.outcomes.append((story, expected, seen))
        self.say(f"expected: {expected}, seen: {seen}")

    def web(self, url, host="client", seconds=3):
        status, _, took = self.lab.get(url, host=host, seconds=seconds)
        if status == 0:
            return "answer"
        return "silence" if status == 28 else "refused at once" if took < 2 else f"curl {status}"

    def ping(self, address, host="client"):
        return "answer" if self.lab.ping(address, host=host) else "silence"

    def udp(self, address, port):
        seen = self.lab.udp(address, port, seconds=1)
        return {"timeout": "silence", "ECONNREFUSED": "port unreachable"}.get(seen, seen)

    def plain(self):
        self.step("A member of the staff reads a page, by IPv4", "answer", lambda: self.web(f"http://{SERVER4}/"))
        self.step("The same by IPv6", "answer", lambda: self.web(f"http://[{SERVER6}]/"))
        self.step("He asks for a name (UDP 53)", "answer", lambda: self.udp(SERVER4, 53))
        self.step("He pings, both families", "answer",
                  lambda: self.ping(SERVER4) if self.ping(SERVER6) == "answer" else "silence by IPv6")
        self.step("He sends mail himself: no rule allows it", "silence", lambda: self.web(f"http://{SERVER4}:25/", seconds=1))
        self.step("The world asks a server of the office for ident: refused, not left waiting", "refused at once",
                  lambda: self.web(f"http://{CLIENT4}:113/", host="server"))
        self.step("The world tries a web server in the office", "silence",
                  lambda: self.web(f"http://{CLIENT4}/", host="server", seconds=1))
        self.step("The world pings the office", "silence", lambda: self.ping(CLIENT4, host="server"))

    def reload(self):
        url = f"http://{SERVER4}:8080/"
        self.step("Port 8080 is closed", "silence", lambda: self.web(url, seconds=1))
        with open(self.spid.rules) as file:
            text = file.read()
        self.head("A mistake in the rules file: the reload is refused, the old rules stay")
        said = self.spid.reload(text.replace("default deny", "allow lan to any tcp 8080 establishd\ndefault deny"),
                                expect="reload refused")
        for line in said.splitlines()[:3]:
            self.say(line.replace(self.rules, "spid.rules"))
        self.spid.reload(text.replace("default deny", 'allow lan to any tcp 8080 as "proxy"\ndefault deny'))
        self.say("mended, reloaded")
        self.step("Port 8080 is open", "answer", lambda: self.web(url))

    def nat(self):
        for words in ("-A POSTROUTING -o eth0 -j MASQUERADE",
                      f"-A PREROUTING -i eth0 -p tcp --dport 8888 -j DNAT --to-destination {CLIENT4}:80"):
            self.lab.run("gateway", "iptables", "-t", "nat", *words.split(), check=True)
        self.lab.run("server", "ip", "route", "del", "default", check=True)
        with open(self.spid.rules) as file:
            text = file.read()
        self.spid.reload(text.replace("default deny",
                                      f'allow wan to {CLIENT4}@lan tcp 80 as "forwarded"\ndefault deny'))
        self.step("Through masquerading: the outside knows no way into the office", "answer",
                  lambda: self.web(f"http://{SERVER4}/"))
        self.step("A forwarded port, judged by its inside address", "answer",
                  lambda: self.web(f"http://{OUTSIDE4}:8888/", host="server"))
        self.lab.run("gateway", "iptables", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP", check=True)
        self.step("Somebody else's filter drops what spid allows: it stays dropped", "silence",
                  lambda: self.web(f"http://{SERVER4}/", seconds=1))
        self.lab.run("gateway", "iptables", "-F", "FORWARD", check=True)

    def table(self):
        self.head("The state table (spidctl states)")
        for line in self.spid.ctl("states").stdout.splitlines():
            self.say(re.sub(" +", " ", line).replace(self.rules, "spid.rules"))

    def stop(self):
        self.spid.stop()
        self.outcomes.append(("After INT no kernel rule of spid is left", "none",
                              "none" if "spid" not in self.lab.kernel_rules() else "some"))

    def summary(self):
        self.head("Summary")
        failed = 0
        for story, expected, seen in self.outcomes:
            good = expected == seen
            failed += not good
            print(f"  {colour('allow', 'ok  ') if good else colour('deny', 'FAIL')} {story:78} {expected:16} {seen}")
        print(f"\n{len(self.outcomes) - failed} of {len(self.outcomes)} as expected")
        return failed

    def run(self):
        lab = self.lab
        lab.web("server", 80, 25, 8080)
        lab.web("client", 80)
        lab.udp_echo("server", 53)
        with open(os.path.join(HERE, "..", "etc", "spid.rules")) as file:
            rules = file.read()
        self.head("The gateway starts: spid with etc/spid.rules")
        self.spid = lab.spid(rules, "-v")
        self.rules = self.spid.rules
        for line in self.spid.log().splitlines():
            self.say(line.replace(self.rules, "spid.rules"))
        self.plain()
        self.table()
        self.reload()
        self.nat()


def keep(demo):
    lab = demo.lab
    lab.closed = True  # nothing is cleaned up when this process ends
    print("\nThe lab stays up. Enter its hosts with")
    for host, name in lab.names.items():
        print(f"  ip netns exec {name} bash    # {host}")
    print(f"Ask the daemon with\n  {lab.build}/spidctl -S {demo.spid.socket} status")
    print("Remove it all with")
    print("  kill " + " ".join(str(p.pid) for p in lab.processes if p.poll() is None))
    for name in lab.names.values():
        print(f"  ip netns del {name}")
    print(f"  rm -r {lab.folder}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--build", default="build", help="where spid was built")
    arguments.add_argument("--keep", action="store_true", help="leave the lab up, and say how to enter it")
    chosen = arguments.parse_args()
    reason = lab_module.why_not()
    if reason:
        sys.exit(f"demo: cannot run here: {reason}")
    demo = Demo(Lab(chosen.build), "")
    demo.run()
    if chosen.keep:
        failed = demo.summary()
        keep(demo)
    else:
        demo.stop()
        failed = demo.summary()
        demo.lab.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
