#!/usr/bin/env python3
"""Writes the corpus of fuzz_estate: changes that aim at what somebody might believe, and many at random, the same each time."""
import os
import random
import struct

HEADER, CONNECTION, FAMILY, EXPECTATION = range(4)
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "estate")


def change(what, which, offset, value):
    return struct.pack(">BBBI", what, which, offset // 4 if what else offset, value & 0xffffffff)


def write(name, *changes):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(b"".join(changes))


os.makedirs(folder, exist_ok=True)
write("unchanged")
VALUES = (0, 1, 2, 0xff, 0xffff, 0x7fffffff, 0xffffffff)
for what, items, size in ((HEADER, 1, 160), (CONNECTION, 15, 192), (FAMILY, 4, 148), (EXPECTATION, 7, 120)):
    name = ("header", "connection", "family", "expectation")[what]
    for value in VALUES:
        # Each word of every item once: a file would be long with all of them, so each file has one item in ten.
        generator = random.Random(f"{name} {value}")
        write(f"{name}-{value:x}", *(change(what, generator.randrange(items), offset, value)
                                    for offset in generator.sample(range(0, size, 4), 6)))
for seed in range(40):
    generator = random.Random(seed)
    write(f"random-{seed}", *(change(generator.choice((CONNECTION, CONNECTION, FAMILY, EXPECTATION)), generator.randrange(24),
                                     4 * generator.randrange(48), generator.choice((generator.randrange(20), generator.getrandbits(32))))
                              for _ in range(generator.randrange(1, 60))))
