#!/usr/bin/env python3
"""Rules files that nobody writes by accident: each is answered in time, within its memory, and with a message that says why.

The files are made here, in a folder that is removed again. The bounds are those of src/parser/parser.h.
"""
import os
import resource
import subprocess
import sys
import tempfile

SPID = os.path.abspath(os.path.join(os.environ.get("builddir", "."), "spid"))
MEMORY_BYTES = 4 << 30
SECONDS = 300  # an alarm, no measure: a machine that is busy with other things takes its time
SANITIZED = b"__asan_init" in open(SPID, "rb").read()  # its shadow does not fit under a limit of address space
failures = 0


def limit_memory():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def check(story, path, status, message, option="--check"):
    global failures
    try:
        done = subprocess.run([SPID, option, path], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS,
                              preexec_fn=limit_memory)
    except subprocess.TimeoutExpired:
        print(f"{story}: no answer")
        failures += 1
        return
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != status or message not in said:
        print(f"{story}: status {done.returncode}, not {status}, or not '{message}':\n{said[:600]}")
        failures += 1


def write(path, *pieces):
    with open(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


def chain(keyword, last, count):
    return b"".join(b"%s s%d = s%d\n" % (keyword, i, i + 1) for i in range(count)) + b"%s s%d = %s\n" % (keyword, count, last)


# What the file is, its bytes (repeated pieces as a factor), the exit status, and a part of the message.
FILES = [
    ("20,000 nested braces", [b"set a = ", b"{" * 20000, b"10.0.0.1", b"}" * 20000], 1, "braces stand at most 64 deep"),
    ("a line of 100 MB", [b"a" * 100_000_000], 1, "it is larger than 64 MB"),
    ("100 MB of braces", [b"{" * 100_000_000], 1, "it is larger than 64 MB"),
    ("60 MB of braces", [b"set a = ", b"{" * 60_000_000], 1, "braces stand at most 64 deep"),
    ("a word of 60 MB", [b"a" * 60_000_000], 1, "unexpected 'aaaa"),
    ("NULs", [bytes(1_000_000)], 1, "the byte 0x00 has no meaning here"),
    ("all byte values", [bytes(range(256)) * 4000], 1, "the byte 0x00 has no meaning here"),
    ("each byte value alone", [b"".join(bytes([i]) + b"\n" for i in range(256))], 1, "the byte 0x7f has no meaning here"),
    ("1,000,000 rules", [b"allow any to any\n" * 1_000_000], 0, "left out:"),
    ("1,000,000 errors", [b"allow\n" * 1_000_000], 1, "1000000 errors"),
    ("1,000,000 sets", [b"".join(b"set s%d = 10.0.0.1\n" % i for i in range(1_000_000))], 0, "fine"),
    ("20 MB of ports", [b"allow any to any tcp ", b"80," * 7_000_000, b"81\n"], 1, "a file has at most 5000000 words"),
    ("100,000 ports", [b"allow any to any tcp ", b"80," * 100_000, b"81\n"], 1, "at most 65536 ports"),
    ("100,000 sets in sets", [chain(b"set", b"10.0.0.1", 100_000)], 1, "sets stand at most 64 deep in sets"),
    ("100,000 services in services", [chain(b"service", b"tcp 1", 100_000)], 1, "services stand at most 64 deep"),
    ("services that double", [b"".join(b"service s%d = s%d, s%d\n" % (i, i + 1, i + 1) for i in range(60)), b"service s60 = tcp 1\n"],
     1, "at most 65536 ports"),
    ("quotes", [b'"' * 1_000_000], 1, "unexpected"),
    ("a string that does not end", [b'include "' + b"x" * 1_000_000], 1, "the string is not closed in its line"),
    ("lines that go on", [b"\\\n" * 1_000_000], 0, "fine"),
    ("a path that is too long", [b'include "' + b"x" * 100_000 + b'"\n'], 1, "cannot read"),
    ("a glob that is too long", [b'include "' + b"*" * 10_000 + b'"\n'], 1, "includes itself"),
    ("no bytes", [], 0, "fine"),
    ("no newline at the end", [b"default deny"], 0, "fine"),
]


def include_chains(folder):
    for i in range(100):
        write(f"{folder}/i{i}", b'include "i%d"\n' % (i + 1))
    write(f"{folder}/i100", b"default deny\n")
    check("100 includes, one in the other", f"{folder}/i0", 1, "includes stand at most 16 deep")
    os.makedirs(f"{folder}/many")
    for i in range(1100):
        write(f"{folder}/many/{i}", b"\n")
    check("1100 files", write(f"{folder}/all", b'include "many/*"\n'), 1, "more than 1000 files")
    write(f"{folder}/wide", b'include "wide2"\n' * 1000)
    write(f"{folder}/wide2", b'include "wide3"\n' * 1000)
    write(f"{folder}/wide3", b"\n")
    check("a million includes of the same", f"{folder}/wide", 1, "more than 1000 files")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for story, pieces, status, message in FILES:
            check(story, write(f"{folder}/rules", *pieces), status, message)
        include_chains(folder)
        check("a device without an end", "/dev/zero", 1, "it is larger than 64 MB")
        check("a device that is full", "/dev/full", 1, "it is larger than 64 MB")
        check("a device without a beginning", "/dev/null", 0, "fine")
        check("a folder", folder, 1, "Is a directory")
        check("nothing", f"{folder}/nothing", 1, "No such file or directory")
        os.mkfifo(f"{folder}/fifo")
        check("a FIFO that nobody writes to", f"{folder}/fifo", 1, "it is no file")
        check("a set's file that is a FIFO", write(f"{folder}/rules", b'set a = file "fifo"\n'), 1, "it is no file")
        check("a set's file without an end", write(f"{folder}/rules", b'set a = file "/dev/zero"\n'), 1, "it is larger than 64 MB")
    print(f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
