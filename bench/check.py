#!/usr/bin/env python3
"""How long `spid --check` and `--diff` take: 10 to 10,000 rules as people write them, and as nobody should.

    python3 bench/check.py build/spid [another/spid ...]

Each size is taken in turn by each program. Seconds of processor; the best of three counts.
"""
import random
import resource
import subprocess
import sys
import tempfile

ZONES = "zone wan = wan+\nzone lan = lan+ net 10.0.0.0/8\nzone dmz = dmz+ net 172.16.0.0/12\n"


def address(number):
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def plain(count, draw):
    """Hosts, networks and sets to hosts and zones, a port each; a fifth of the rules deny."""
    yield ZONES
    for i in range(20):
        yield f"set s{i} = " + ", ".join(f"10.{i}.{k}.0/26" for k in range(10)) + "\n"
    for _ in range(count):
        sources = [address(draw.randrange(1 << 24)), f"10.{draw.randrange(256)}.{draw.randrange(256)}.0/24",
                   f"s{draw.randrange(20)}"] + ["lan"] * (draw.randrange(20) == 0)
        targets = [f"172.16.{draw.randrange(256)}.{draw.randrange(256)}",
                   f"172.{16 + draw.randrange(16)}.{draw.randrange(256)}.0/24"] + ["wan"] * (draw.randrange(10) == 0)
        yield (f"{draw.choice(['allow'] * 4 + ['deny'])} {draw.choice(sources)} to {draw.choice(targets)} "
               f"{draw.choice(['tcp', 'udp'])} {draw.randrange(1, 10000)}\n")


def hard(count, draw):
    """Ranges of any length over each other, negations, sets of 1,000 single addresses."""
    yield ZONES
    for i in range(20):
        yield f"set s{i} = {{\n" + ",\n".join(address(draw.randrange(1 << 24)) for _ in range(1000)) + "\n}\n"

    def end():
        kind, first = draw.randrange(6), draw.randrange(1 << 24)
        last = min(first + draw.randrange(2 ** draw.randrange(24) + 1), (1 << 24) - 1)
        return [f"s{first % 20}", f"!s{first % 20}", f"!{address(first)}-{address(last)}"][kind] if kind < 3 else \
            f"{address(first)}-{address(last)}"

    for _ in range(count):
        port = draw.randrange(50000)
        yield (f"{draw.choice(['allow', 'deny'])} {end()} to {end()} {draw.choice(['tcp', 'udp'])} "
               f"{port}-{port + draw.randrange(10000)}\n")


def seconds(command):
    best = None
    for _ in range(3):
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken = end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime
        best = taken if best is None else min(best, taken)
    left = [line for line in done.stderr.decode().splitlines() if "left out:" in line]
    return best, left[0].split("left out: ")[1].split(",")[0] + " left out" if left else ""


def main():
    with tempfile.TemporaryDirectory() as folder:
        for make in (plain, hard):
            for count in (10, 100, 1000, 2000, 10000):
                lines = list(make(count, random.Random(1)))
                for name, kept in (("old", lines), ("new", lines[:-count // 2] + lines[-count // 2 + 1:])):
                    with open(f"{folder}/{name}", "w") as file:
                        file.writelines(kept)
                for spid in sys.argv[1:]:
                    check, left = seconds([spid, "--check", f"{folder}/old"])
                    diff, _ = seconds([spid, "--diff", f"{folder}/old", f"{folder}/new"])
                    print(f"{make.__name__:5} {count:6} rules  check {check:7.3f} s  diff {diff:7.3f} s  {spid}  {left}", flush=True)


sys.exit(main() if len(sys.argv) > 1 else __doc__)
