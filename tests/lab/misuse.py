#!/usr/bin/env python3
"""Clients of the control socket that misbehave.

    misuse.py SOCKET KIND USER STOP

Misbehaves in one way, as the user of this number, until the file STOP is there. Prints how often."""
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time

NOBODY = 65534
BY_ROOT = ("no newline", "half lines", "unread", "unread rules", "unread list", "unread trace", "unread top", "lists", "empty lists", "reloads",
           "nests", "zeros", "noise", "hangs up")
BY_NOBODY = ("crowd", "crowd", "silence", "half lines", "no newline", "unread", "nests", "noise", "hangs up")
ALL = [(kind, 0) for kind in BY_ROOT] + [(kind, NOBODY) for kind in BY_NOBODY]

path = stop = ""
done = 0


def start(lab, address, kind, user, stop_file, prefix=()):
    """One of them against the daemon that listens at ADDRESS; its process, what it prints in a pipe."""
    return lab.start("gateway", *prefix, sys.executable, os.path.abspath(__file__), address, kind, str(user), stop_file,
                     stdout=subprocess.PIPE)


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(0.5)
    s.connect(path)
    return s


def push(data, read=False):
    """Sends DATA as long as it is taken, and reads what comes only where that is said."""
    global done
    s = connect()
    s.setblocking(False)
    last = time.monotonic()
    while not os.path.exists(stop) and time.monotonic() - last < 1:
        readable, writable, _ = select.select([s] if read else [], [s], [], 0.2)
        if readable and not s.recv(1 << 20):
            return
        if writable:
            done += s.send(data) > 0
            last = time.monotonic()


def crowd():
    """As many connections as there can be, which say nothing."""
    global done
    held = []
    while not os.path.exists(stop):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
            held.append(s)
            done += 1
        except BlockingIOError:
            s.close()
            time.sleep(0.001)
        if len(held) > 2000:
            for s in held:
                s.close()
            held = []


def stall(words):
    """Says WORDS and then nothing more."""
    global done
    held = []
    for _ in range(8):
        s = connect()
        s.sendall(words)
        held.append(s)
        done += 1
    end = time.monotonic() + 3
    while not os.path.exists(stop) and time.monotonic() < end:
        time.sleep(0.1)


def hang_up(words):
    global done
    s = connect()
    s.sendall(words)
    s.close()
    done += 1


def request(command, **more):
    return json.dumps({"command": command, **more}).encode() + b"\\n"


KINDS = {
    "crowd": crowd,
    "no newline": lambda: push(b"x" * (1 << 20)),
    "half lines": lambda: stall(b'{"command":"sta'),
    "silence": lambda: stall(b""),
    "unread": lambda: push(request("metrics") * 500),
    "unread rules": lambda: push(request("rules") * 500),
    "unread list": lambda: stall(request("states")),
    "unread trace": lambda: stall(request("trace")),
    "unread top": lambda: stall(request("top")),
    "lists": lambda: push(request("states"), read=True),
    "empty lists": lambda: push(request("states", filter="wan to any tcp 1") * 100, read=True),
    "reloads": lambda: push(request("reload") * 100, read=True),
    "nests": lambda: push(b"[" * 60000 + b"\\n" + b'{"a":' * 10000 + b"\\n", read=True),
    "zeros": lambda: push(bytes(1000) + b"\\n" + b'{"command":"st\\0tus"}\\n', read=True),
    "noise": lambda: push(os.urandom(1 << 16), read=True),
    "hangs up": lambda: hang_up(request("states") + request("metrics") * 20),
}


def main():
    global path, stop
    path, kind, user, stop = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    while not os.path.exists(stop):
        try:
            KINDS[kind]()
        except OSError:
            time.sleep(0.01)
    print(done)


if __name__ == "__main__":
    main()
