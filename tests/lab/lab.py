"""Three hosts in network namespaces (client - gateway - server), the real daemon between them, real servers and clients.

Used by the lab's tests and by the demonstration. Everything is named after this process's number, is ended by its own
process number, and is cleaned up on every way out."""
import atexit
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SKIP = 77

# What a sanitizer says, or the filter of system calls; and what was found of it in the logs of all daemons.
FAULT = re.compile(r"runtime error|Sanitizer|ended by its own filter")
faults = []

CLIENT4, CLIENT6 = "192.168.10.20", "fd00:10::20"
GATEWAY4, GATEWAY6 = "192.168.10.1", "fd00:10::1"
OUTSIDE4, OUTSIDE6 = "203.0.113.1", "2001:db8:1::1"
SERVER4, SERVER6 = "203.0.113.5", "2001:db8:1::5"

# The daemon sees a user and groups of ours, whatever the machine has.
SPID_USER, READERS, CHANGERS = 47110, 47110, 47111
ACCOUNTS = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'

TOOLS = ["ip", "iptables", "ip6tables", "iptables-save", "ip6tables-save", "curl", "nginx", "ping", "setpriv", "unshare"]


def why_not():
    """Why the lab cannot run here, or None."""
    if os.environ.get("SPID_LAB") == "no":
        return "SPID_LAB=no says that the lab is not wanted"
    if os.geteuid() != 0:
        return "the lab needs root"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool in TOOLS:
        if shutil.which(tool) is None:
            return f"the lab needs {tool}"
    name = f"spid-try-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return "network namespaces are refused here"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


def wait_until(condition, seconds=10.0, what="it"):
    """Polls until CONDITION holds; what it gave."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def tmpfs():
    """A folder on a tmpfs, or None."""
    with open("/proc/mounts") as mounts:
        kinds = {line.split()[1]: line.split()[2] for line in mounts}
    return next((folder for folder in ("/run", "/dev/shm", "/tmp") if kinds.get(folder) == "tmpfs"), None)


class Daemon:
    """One run of spid in the gateway."""

    def __init__(self, lab, rules, options, prefix=(), state="none"):
        self.lab = lab
        self.rules = rules
        self.log_path = os.path.join(lab.folder, f"spid-{len(lab.daemons)}.log")
        self.socket = os.path.join(lab.folder, "spid.sock")
        with open(self.log_path, "wb") as log:
            self.process = lab.start("gateway", "unshare", "-m", "sh", "-c", ACCOUNTS, lab.folder, *prefix, os.path.join(lab.build, "spid"), "-f", "-c", rules, "-S",
                                     self.socket, "--state", state, *options, stderr=log)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def wait_for(self, text, seconds=15.0, after=0):
        """Waits until TEXT stands in the log behind the character AFTER; returns the log."""
        def found():
            if self.process.poll() is not None and text not in self.log()[after:]:
                raise RuntimeError(f"spid has ended ({self.process.returncode}):\n{self.log()}")
            return text in self.log()[after:]
        wait_until(found, seconds, f"'{text}' in the log")
        return self.log()

    def write(self, rules):
        with open(self.rules, "w") as file:
            file.write(rules)

    def reload(self, rules, expect="reloaded"):
        """Puts other rules into the file and sends SIGHUP; waits for what the log says then."""
        before = len(self.log())
        self.write(rules)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(expect, after=before)
        return self.log()[before:]

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def limit(self, words):
        """prlimit(1) on the running daemon, as its own user: root alone may not where it lacks CAP_SYS_RESOURCE."""
        with open(f"/proc/{self.process.pid}/status") as file:
            ids = dict(line.split("\t")[:2] for line in file if line.startswith(("Uid:", "Gid:")))
        self.lab.run("gateway", "setpriv", f"--reuid={ids['Uid:']}", f"--regid={ids['Gid:']}", "--clear-groups", "prlimit", "--pid",
                     str(self.process.pid), words, check=True)

    def ctl(self, *words):
        return self.lab.run("gateway", os.path.join(self.lab.build, "spidctl"), "-S", self.socket, *words)

    def ask(self, command):
        """The answer of spidctl --json: a list of objects, one a line."""
        return [json.loads(line) for line in self.ctl("--json", command).stdout.splitlines()]


class Lab:
    HOSTS = ("client", "gateway", "server")
    numbers = itertools.count(1)

    def __init__(self, build, lan="eth1", wan="eth0"):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="spid-lab-")
        os.chmod(self.folder, 0o755)
        number = next(self.numbers)
        self.names = {host: f"spid-{host}-{os.getpid()}-{number}" for host in self.HOSTS}
        self.processes, self.daemons = [], []
        self.entries = {host: ["ip", "netns", "exec", name] for host, name in self.names.items()}
        self.lan, self.wan = lan, wan
        self.closed = False
        self._accounts()
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self._make()
        # Every test of the lab with the fast path too: SPID_LAB_FASTPATH=1.
        if os.environ.get("SPID_LAB_FASTPATH"):
            self.mount_bpf()

    def _accounts(self):
        for name, lines in (("passwd", f"spid:x:{SPID_USER}:{READERS}::/nonexistent:/usr/sbin/nologin\n"),
                            ("group", f"spid:x:{READERS}:\nspid-admin:x:{CHANGERS}:\n")):
            with open(f"/etc/{name}") as present, open(os.path.join(self.folder, name), "w") as file:
                file.writelines(line for line in present if not line.startswith("spid"))
                file.write(lines)

    def _ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def _make(self):
        for name in self.names.values():
            self._ip("netns", "add", name)
            self._ip("-n", name, "link", "set", "lo", "up")
        self._wire("client", "lan0", CLIENT4, CLIENT6, self.lan, GATEWAY4, GATEWAY6)
        self._wire("server", "wan0", SERVER4, SERVER6, self.wan, OUTSIDE4, OUTSIDE6)
        self.run("gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", check=True)
        # Linux answers a flood of packets to closed ports with few errors; the tests want each.
        self.run("server", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0", check=True)
        wait_until(lambda: self.run("client", "ping", "-c1", "-W1", GATEWAY6).returncode == 0, what="IPv6 on the lan")
        wait_until(lambda: self.run("server", "ping", "-c1", "-W1", OUTSIDE6).returncode == 0, what="IPv6 on the wan")

    def _wire(self, host, there, address4, address6, here, gateway4, gateway6):
        name, gateway = self.names[host], self.names["gateway"]
        self._ip("link", "add", there, "netns", name, "type", "veth", "peer", "name", here, "netns", gateway)
        for namespace, interface, v4, v6 in ((name, there, address4, address6), (gateway, here, gateway4, gateway6)):
            self._ip("-n", namespace, "addr", "add", f"{v4}/24", "dev", interface)
            self._ip("-n", namespace, "addr", "add", f"{v6}/64", "dev", interface, "nodad")
            self._ip("-n", namespace, "link", "set", interface, "up")
        self._ip("-n", name, "route", "add", "default", "via", gateway4)
        self._ip("-n", name, "-6", "route", "add", "default", "via", gateway6)

    def mount_bpf(self):
        """From here on the gateway's processes see a bpf file system of their own. False: it is refused here."""
        holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                   "mount -t bpf bpf /sys/fs/bpf && echo ready && exec sleep 1000000"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.processes.append(holder)
        if holder.stdout.readline() != b"ready\n":
            return False
        # `ip netns exec` would put another /sys over it.
        self.entries["gateway"] = ["nsenter", "--target", str(holder.pid), "--mount",
                                   f"--net=/run/netns/{self.names['gateway']}"]
        return True

    def run(self, host, *command, check=False, timeout=60, **more):
        return subprocess.run([*self.entries[host], *command], capture_output=True, text=True,
                              timeout=timeout, check=check, **more)

    def start(self, host, *command, **more):
        more.setdefault("stdout", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen([*self.entries[host], *command], stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def python(self, host, code, *arguments, timeout=60):
        return self.run(host, sys.executable, "-c", code, *arguments, timeout=timeout)

    def spid(self, rules, *options, ready=True, prefix=(), state="none"):
        """Starts the daemon with these rules (a text, or the path of a file). STATE: the file that outlasts it."""
        path = rules
        if "\n" in rules:
            path = os.path.join(self.folder, "lab.rules")
            with open(path, "w") as file:
                file.write(rules)
        daemon = Daemon(self, path, options, prefix, state)
        self.daemons.append(daemon)
        if ready:
            daemon.wait_for("ready: ")
        return daemon

    def web(self, host, *ports, size=0):
        """nginx on all addresses of HOST and these ports; its folder, in which `file` has SIZE bytes."""
        folder = os.path.join(self.folder, f"web-{host}")
        if not os.path.isdir(folder):
            os.makedirs(folder)
            os.chmod(folder, 0o755)
            with open(os.path.join(folder, "index.html"), "w") as page:
                page.write(f"hello from {host}\n")
        if size:
            with open(os.path.join(folder, "file"), "wb") as file, open("/dev/urandom", "rb") as source:
                while size > 0:
                    size -= file.write(source.read(min(size, 1 << 20)))
        listen = "".join(f"listen {port}; listen [::]:{port};" for port in ports)
        config = os.path.join(self.folder, f"nginx-{host}-{ports[0]}.conf")
        with open(config, "w") as file:
            file.write(f"""daemon off; master_process off; user root; pid {config}.pid; error_log {config}.log;
events {{}}
http {{ access_log off; client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
fastcgi_temp_path {self.folder}/fcgi; uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;
server {{ {listen} root {folder}; location / {{ limit_rate_after 1m; }}
location /slow/ {{ alias {folder}/; limit_rate 50k; }} }} }}
""")
        self.start(host, "nginx", "-c", config, "-p", self.folder)
        wait_until(lambda: self.run(host, "curl", "-s", "-m1", f"http://127.0.0.1:{ports[0]}/").returncode == 0,
                   what="the web server")
        return folder

    def udp_echo(self, host, port):
        """Answers each datagram with itself, from the address that it was sent to."""
        ready = os.path.join(self.folder, f"udp-{host}-{port}")
        code = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", int(sys.argv[1])))
open(sys.argv[2], "w").close()
while True:
    data, peer = s.recvfrom(70000)
    s.sendto(data, peer)
"""
        process = self.start(host, sys.executable, "-c", code, str(port), ready)
        wait_until(lambda: os.path.exists(ready), what="the UDP server")
        return process

    def get(self, url, host="client", seconds=5):
        """curl's answer: (exit status, what it got, how long it took)."""
        begin = time.monotonic()
        done = self.run(host, "curl", "-s", "-m", str(seconds), url, timeout=seconds + 20)
        return done.returncode, done.stdout, time.monotonic() - begin

    def udp(self, address, port, host="client", size=5, seconds=2):
        """Sends a datagram from a connected socket: "answer", "timeout", or the error's name."""
        code = """
import socket, sys, errno
a, port, size, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(seconds)
s.connect((a, port))
try:
    s.send(b"x" * size)
    print("answer" if s.recv(70000) == b"x" * size else "other")
except TimeoutError:
    print("timeout")
except OSError as e:
    print(errno.errorcode[e.errno])
"""
        return self.python(host, code, address, str(port), str(size), str(seconds)).stdout.strip()

    def ping(self, address, host="client", size=56):
        return self.run(host, "ping", "-c1", "-W2", "-s", str(size), address).returncode == 0

    def kernel_rules(self):
        """The gateway's iptables and ip6tables rules, without counters and comments."""
        text = self.run("gateway", "iptables-save").stdout + self.run("gateway", "ip6tables-save").stdout
        lines = [line.split(" [")[0] for line in text.splitlines() if not line.startswith("#")]
        return "\n".join(lines)

    def close(self):
        if self.closed:
            return
        self.closed = True
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        # Many programs have children that would outlive them: whatever is left in the namespaces.
        for name in self.names.values():
            for pid in subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for daemon in self.daemons:
            faults.extend(line for line in daemon.log().splitlines() if FAULT.search(line))
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class LabTest(unittest.TestCase):
    """Tests of one lab, which is made before the first of them and is gone after the last."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(os.environ.get("builddir", "."))

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def clear(self, rules):
        """Ends all daemons. Whatever a test left in the kernel goes by spid's own hand."""
        for daemon in self.lab.daemons:
            daemon.stop(signal.SIGKILL)
        self.lab.spid(rules).stop(signal.SIGINT)


def main(test_case):
    """Runs a module's tests: the automake way, 77 where the lab cannot run."""
    import unittest
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(test_case)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    print("\n".join(faults))
    if result.testsRun == 0 and result.skipped:
        print(f"skipped: {result.skipped[0][1]}")
        sys.exit(SKIP)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 and not faults else 1)
