"""The gateways that are measured against each other, each with its own three hosts: all stand at the same time and take turns,
so that what the machine does meanwhile meets all of them, and no connection has to be opened twice."""
import concurrent.futures
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "lab"))
import lab as lab_module
from lab import CLIENT4, SERVER4, Lab

GENERATOR_CPU, JUDGE_CPU = "0", "1"
QUEUE = 77
CLIENTS, SERVERS = "10.0.0.0/8", "198.18.0.0/15"

RULES = """
limit connections 4194304
{fastpath}
zone lan = eth1
zone wan = eth0
{rules}
allow lan to wan udp 9, tcp 80
"""


def rules_before(count):
    """So many rules that no packet of the bench matches, of different networks and ports, as a list of customers has."""
    return "\n".join(f"{'deny' if i % 3 else 'allow'} 172.{16 + i // 65536}.{i // 256 % 256}.{i % 256}@lan to "
                     f"100.{64 + i // 512 % 64}.{i % 256}.0/24@wan tcp {1 + i * 7 % 60000}" for i in range(count))


class Gateway:
    """Forwards, and nothing else. What judges packets stands in a class derived from it."""
    name = "plain forwarding"

    def __init__(self, build):
        self.lab = Lab(build)
        self.build = self.lab.build
        for host, interface, match in ("client", "lan0", "-s"), ("server", "wan0", "-d"):
            self.lab.run(host, "iptables", "-t", "raw", "-A", "PREROUTING", "-i", interface, match, SERVERS, "-j", "DROP", check=True)
        self.run("ip", "route", "add", CLIENTS, "via", CLIENT4)
        self.run("ip", "route", "add", SERVERS, "via", SERVER4)
        self.run("ping", "-c1", "-W2", CLIENT4)
        self.run("ping", "-c1", "-W2", SERVER4)
        self.start()

    def run(self, *command):
        return self.lab.run("gateway", *command, check=True).stdout

    def start(self):
        """Sets up what judges."""

    def open(self, count):
        """Opens so many TCP connections, and makes them known to whoever judges."""
        self.blast("--tcp", "--flows", count, "--seconds", 0.2)

    def pid(self):
        """Who judges in userspace, or None."""

    def mac(self, interface):
        return json.loads(self.run("ip", "-j", "link", "show", interface))[0]["address"]

    def blast(self, *options):
        names = self.lab.names
        command = [os.path.join(self.build, "bench/blast"), f"{names['client']}:lan0", f"{names['server']}:wan0",
                   f"{self.mac('eth1')},{self.mac('eth0')}", "--cpu", GENERATOR_CPU, *map(str, options)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def during(self, action, *options):
        """What a blast sees while ACTION is done; and what that gave."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            blast = pool.submit(self.blast, *options)
            time.sleep(1)
            result = action() if action else None
            return blast.result(), result

    def user_seconds(self):
        with open(f"/proc/{self.pid()}/stat") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")

    def judge(self, *command, **more):
        """Starts who judges, on its own processor; its process."""
        return self.lab.start("gateway", "taskset", "-c", JUDGE_CPU, *command, **more)

    def queue_rules(self):
        for tool in "iptables", "ip6tables":
            self.run(tool, "-A", "FORWARD", "-j", "NFQUEUE", "--queue-num", str(QUEUE))

    def close(self):
        self.lab.close()


class Conntrack(Gateway):
    name = "iptables -m conntrack"

    def start(self):
        for limit in "net.netfilter.nf_conntrack_max", "net.nf_conntrack_max":
            subprocess.run(["sysctl", "-qw", f"{limit}=4194304"], capture_output=True, check=False)
        self.run("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        self.run("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        self.run("iptables", "-A", "FORWARD", "-i", "eth1", "-p", "udp", "--dport", "9", "-j", "ACCEPT")
        self.run("iptables", "-A", "FORWARD", "-i", "eth1", "-p", "tcp", "--dport", "80", "-j", "ACCEPT")
        self.run("iptables", "-P", "FORWARD", "DROP")


class AcceptAll(Gateway):
    name = "accept-all loop"

    def start(self):
        self.process = self.judge(os.path.join(self.build, "bench/acceptall"), str(QUEUE))
        self.queue_rules()
        time.sleep(0.2)

    def pid(self):
        return self.process.pid


class Spid(Gateway):
    name = "spid, queue path"
    fastpath, rules, workers, beside = "fastpath off", 0, 1, None

    def start(self):
        self.daemon = self.lab.spid(RULES.format(fastpath=self.fastpath, rules=rules_before(self.rules)), "--queue",
                                    f"{QUEUE}-{QUEUE + self.workers - 1}" if self.workers > 1 else str(QUEUE),
                                    prefix=("taskset", "-c", JUDGE_CPU) if self.workers == 1 else ())

    def pid(self):
        return self.daemon.process.pid

    def resident_mb(self):
        with open(f"/proc/{self.pid()}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def reload(self):
        """Reads the rules again; how long that took."""
        before, start = len(self.daemon.log()), time.monotonic()
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for("reloaded", seconds=60, after=before)
        return time.monotonic() - start

    def another(self):
        """Starts a daemon beside it that judges nothing, on the generator's processor; its control socket."""
        rules, socket = (os.path.join(self.lab.folder, name) for name in ("another.rules", "another.sock"))
        with open(rules, "w", encoding="utf-8") as file:
            file.write("zone lan = eth1\nfastpath off\n")
        self.beside = self.lab.spid(rules, "-q", "99", "-H", "none", "-S", socket,
                                    prefix=("taskset", "-c", GENERATOR_CPU))
        return socket

    def close(self):
        if self.beside:
            self.beside.stop()
        self.daemon.stop()
        super().close()


class SpidFast(Spid):
    name = "spid, fast path"
    fastpath = "fastpath on max 1048576"

    def start(self):
        if not self.lab.mount_bpf():
            sys.exit("bench: no bpf file system can be mounted here: leave the fast path's cases out (--only)")
        super().start()

    def open(self, count):
        """A connection is entered after some packets."""
        super().open(count)
        for _ in range(60):
            if self.daemon.ask("status")[0]["fastpath"]["entries"] > 0.98 * count:
                break
            self.blast("--tcp", "--opened", "--flows", count, "--seconds", 2)


class Other(Gateway):
    """A program that the user names: it is to accept what comes on queue 77."""

    def __init__(self, build, command):
        self.command = command
        self.name = command
        super().__init__(build)

    def start(self):
        self.process = self.judge(*shlex.split(self.command))
        self.queue_rules()
        time.sleep(1)

    def pid(self):
        return self.process.pid


def why_not():
    """Why nothing can be measured here, or None."""
    for tool, package in ("ab", "apache2-utils"), ("ethtool", "ethtool"), ("taskset", "util-linux"):
        if shutil.which(tool) is None:
            return f"{tool} is missing: apt-get install {package}"
    return lab_module.why_not()
