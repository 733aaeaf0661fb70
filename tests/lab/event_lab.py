"""What the lab's tests of events are made of: a daemon with a /dev, a /run and a small disk of its own, what it has written, and who
reads it."""
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import SERVER4, LabTest, wait_until

# The daemon's own /dev and /run, where syslog and the journal are sockets of this test, and a disk that is soon full.
PRIVATE = """set -e
folder=$1; shift
mkdir -p "$folder/dev" "$folder/small"
mount -t tmpfs none "$folder/dev"
for node in null zero random urandom; do touch "$folder/dev/$node"; mount --bind "/dev/$node" "$folder/dev/$node"; done
ln -s "$folder/syslog" "$folder/dev/log"
mount --rbind "$folder/dev" /dev
mount -t tmpfs none /run
mkdir -p /run/systemd/journal
ln -s "$folder/journal" /run/systemd/journal/socket
mount -t tmpfs -o size=1m none "$folder/small"
exec "$@"
"""

RULES = """zone lan = eth1
zone wan = eth0
timeout tcp.time-wait 1s, tcp.closed 1s, udp.new 1s, udp.replied 1s, icmp 1s
{places}
allow lan to any tcp 80 as "web" log 1000/s
allow lan to any tcp 81, udp 5300, icmp 8, icmp6 128 log 1000/s
allow lan to any tcp 82
reject lan to any udp 99 as "no-99" log
default deny log {rate}
"""

# Datagrams to ports from 10000 on, so many.
SCATTER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    s.sendto(b"x" * 20, (sys.argv[1], 10000 + i % 20000))
"""


def epb_comments(path):
    """The packets of a pcapng file with their comments."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length, "a block that is not whole"
        if kind == 6:
            captured = struct.unpack_from("=I", data, at + 20)[0]
            option = at + 28 + (captured + 3) // 4 * 4
            code, size = struct.unpack_from("=HH", data, option)
            assert code == 1, code
            found.append((data[at + 28:at + 28 + captured], data[option + 4:option + 4 + size].decode()))
        at += length
    return found


class EventLab(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The daemon is the user spid when it opens a file again.
        os.chmod(cls.lab.folder, 0o777)
        cls.lab.web("server", 80, 81, 82)
        cls.lab.udp_echo("server", 5300)
        cls.script = os.path.join(cls.lab.folder, "private.sh")
        with open(cls.script, "w") as file:
            file.write(PRIVATE)

    def setUp(self):
        self.eve = os.path.join(self.lab.folder, self.id().rsplit(".", 1)[1] + ".json")
        self.packets = self.eve.replace(".json", ".pcapng")
        self.spid, self.sockets = None, []

    def tearDown(self):
        if self.spid is not None:
            self.spid.stop()
        for name in self.sockets:
            self.close_socket(name)

    # ---- what the tests are made of ----

    def prefix(self):
        return ("unshare", "--mount", "--propagation", "private", "sh", self.script, self.lab.folder)

    def start(self, *places, rate="10/s", options=()):
        self.spid = self.lab.spid(RULES.format(places="\n".join(places), rate=rate), *options, prefix=self.prefix())
        return self.spid

    def inside(self, path):
        """A path as the daemon sees it."""
        return f"/proc/{self.spid.process.pid}/root{path}"

    def lines(self, path=None):
        """The whole lines of the events so far; each must be JSON."""
        try:
            with open(path or self.eve) as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def find(self, kind, path=None, **wanted):
        """Those of this type with these fields; spid__x is x in `spid`."""
        def fits(event):
            for key, value in wanted.items():
                part = event
                for name in key.split("__"):
                    part = part.get(name) if isinstance(part, dict) else None
                if part != value:
                    return False
            return True
        return [event for event in self.lines(path) if event["event_type"] == kind and fits(event)]

    def wait_for(self, kind, path=None, seconds=20, **wanted):
        return wait_until(lambda: self.find(kind, path, **wanted), seconds, f"an event {kind} with {wanted}")[0]

    def works(self):
        """What is allowed passes."""
        status, text, _ = self.lab.get(f"http://{SERVER4}:82/", seconds=10)
        self.assertEqual((status, text), (0, "hello from server\n"))

    def deny(self, count=1):
        """Sends datagrams that are denied; waits until they are."""
        before = self.denied()
        self.assertEqual(self.lab.python("client", SCATTER, SERVER4, str(count)).returncode, 0)
        wait_until(lambda: self.denied() >= before + count, 20, "the denied packets")

    def denied(self):
        return self.spid.ask("status")[0]["verdicts"]["deny"]

    def log_of(self, to):
        return next(log for log in self.spid.ask("status")[0]["logs"] if log["to"] == to)

    def listen(self, name):
        path = os.path.join(self.lab.folder, name)
        if os.path.lexists(path):
            os.unlink(path)
        reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        reader.bind(path)
        os.chmod(path, 0o666)
        reader.settimeout(20)
        self.sockets.append(name)
        setattr(self, name, reader)
        return reader

    def close_socket(self, name):
        getattr(self, name).close()

    def drain(self, reader):
        """All that is there, as text."""
        text = ""
        reader.settimeout(0.05)
        try:
            while True:
                text += reader.recv(8192).decode() + "\n"
        except TimeoutError:
            reader.settimeout(20)
            return text

    def told(self, reader, kind, **wanted):
        """The next datagram that is such an event."""
        while True:
            text = reader.recv(8192).decode()
            event = json.loads(text[text.index("{"):]) if "{" in text else {}
            if event.get("event_type") == kind and all(event.get(key) == value for key, value in wanted.items()):
                return text, event
