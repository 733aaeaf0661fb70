#!/usr/bin/env python3
"""The lab: spid beside other tools' rules."""
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import GATEWAY4, SERVER4, SERVER6, LabTest

RULES = "zone lan = eth1\nzone wan = eth0\nallow lan to wan tcp 80\nreject any to any\n"

# What Docker 20.10 installs for a bridge with one published port, and what an administrator lets pass in DOCKER-USER.
DOCKER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -i eth1 -j ACCEPT
-A DOCKER-USER -i eth0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""

# What firewalld installs (its nftables backend, cut to one zone): base chains of its own, behind the mangle table's.
FIREWALLD = """table inet firewalld {
  chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PRE_public; }
  chain mangle_PRE_public { return; }
  chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
    icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept; }
  chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept; iifname "lo" accept; jump filter_FWD_public; reject with icmpx type admin-prohibited; }
  chain filter_FWD_public { accept; }
  chain filter_INPUT { type filter hook input priority filter + 10; policy accept; accept; }
}
"""

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
</policy></busconfig>
"""


class Neighbours(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80, 81)

    def tearDown(self):
        for daemon in self.lab.daemons:
            daemon.stop(signal.SIGKILL)
        for tool in ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft"):
            for table in ("mangle", "filter", "nat"):
                for words in (["-F"], ["-X"]):
                    if shutil.which(tool):
                        self.lab.run("gateway", tool, "-t", table, *words)
            for chain in ("INPUT", "FORWARD", "OUTPUT"):
                if shutil.which(tool):
                    self.lab.run("gateway", tool, "-P", chain, "ACCEPT")
        if shutil.which("nft"):
            self.lab.run("gateway", "nft", "flush", "ruleset")

    def gateway(self, *words):
        self.lab.run("gateway", *words, check=True)

    def need(self, tool):
        if shutil.which(tool) is None:
            self.skipTest(f"{tool} is not installed")

    def judged(self):
        """What the rules allow passes, what they do not allow does not, in both families."""
        for address in (SERVER4, f"[{SERVER6}]"):
            self.assertEqual(self.lab.get(f"http://{address}/")[0], 0, address)
            self.assertEqual(self.lab.get(f"http://{address}:81/")[0], 7, address)

    def refused(self, *words):
        spid = self.lab.spid(RULES, ready=False)
        self.assertEqual(spid.process.wait(20), 1)
        for text in words:
            self.assertIn(text, spid.log())
        self.assertEqual(self.lab.kernel_rules().count("spid-"), 0)

    # ---- before the start ----

    def test_a_rule_that_lets_packets_past_is_refused_and_named(self):
        self.gateway("iptables", "-t", "mangle", "-A", "FORWARD", "-p", "udp", "-j", "MARK", "--set-mark", "5")
        self.gateway("iptables", "-t", "mangle", "-A", "FORWARD", "-s", "192.168.10.0/24", "-j", "ACCEPT")
        self.refused("rule 2 of the chain FORWARD in the IPv4 mangle table lets packets pass before spid is asked: "
                     "-A FORWARD -s 192.168.10.0/24 -j ACCEPT", "iptables -t mangle -D FORWARD 2")
        self.gateway("iptables", "-t", "mangle", "-D", "FORWARD", "2")
        self.lab.spid(RULES)
        self.judged()

    def test_so_is_one_in_a_chain_of_the_other_family(self):
        for words in (["-N", "tunnel"], ["-A", "tunnel", "-s", "fd00:10::/64", "-j", "ACCEPT"], ["-A", "FORWARD", "-j", "tunnel"]):
            self.gateway("ip6tables", "-t", "mangle", *words)
        self.refused("rule 1 of the chain tunnel in the IPv6 mangle table, which is asked from FORWARD, lets packets pass",
                     "ip6tables -t mangle -D tunnel 1")

    def test_a_rule_behind_the_jump_is_told_of(self):
        self.lab.spid(RULES).stop(signal.SIGTERM)
        self.gateway("iptables", "-t", "mangle", "-A", "FORWARD", "-j", "MARK", "--set-mark", "5")
        spid = self.lab.spid(RULES)
        self.assertIn("rule 2 of the chain FORWARD in the IPv4 mangle table stands behind spid's jump", spid.wait_for("stands behind"))

    def test_an_nft_rule_that_takes_packets_past_all_hooks_is_refused(self):
        self.need("nft")
        self.gateway("nft", "add table netdev quick; add chain netdev quick in { type filter hook ingress device eth1 priority 0; }")
        if self.lab.run("gateway", "nft", "add rule netdev quick in udp dport 9 fwd to eth0").returncode != 0:
            self.skipTest("this kernel has no fwd")
        self.refused("the chain in in the nft table netdev quick takes packets past spid, by `fwd`", "nft delete rule netdev quick in handle 2")

    def test_what_only_nft_can_read_is_refused(self):
        self.need("nft")
        self.gateway("iptables", "-t", "mangle", "-A", "FORWARD", "-p", "udp", "-j", "MARK", "--set-mark", "5")
        self.gateway("nft", "add rule ip mangle FORWARD ct state new counter")
        if "incompatible" not in self.lab.run("gateway", "iptables-save", "-t", "mangle").stdout:
            self.skipTest("this iptables can print it")
        self.refused("holds rules that only nft can read")

    # ---- while it runs ----

    def test_a_flushed_hook_comes_back(self):
        spid = self.lab.spid(RULES)
        before = self.lab.kernel_rules()
        for tool in ("iptables", "ip6tables"):
            at = len(spid.log())
            self.gateway(tool, "-t", "mangle", "-F")
            spid.wait_for("it is put back", after=at)
            self.assertEqual(sorted(self.lab.kernel_rules().splitlines()), sorted(before.splitlines()))
            self.judged()
        at = len(spid.log())
        self.gateway("iptables", "-t", "mangle", "-D", "FORWARD", "-j", "spid-forward")
        self.assertIn("gone: -A FORWARD -j spid-forward", spid.wait_for("it is put back", after=at)[at:])
        self.judged()

    def test_what_moved_on_while_the_hook_was_gone_goes_on(self):
        size = 160 << 20
        self.lab.web("server", 82, size=size)
        spid = self.lab.spid(RULES.replace("tcp 80", "tcp 82"))
        path = os.path.join(self.lab.folder, "download")
        client = self.lab.start("client", "curl", "-s", "-m", "60", "--limit-rate", "60M", "-o", path, f"http://{SERVER4}:82/file")

        def has(bytes_):
            lab_module.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= bytes_, 30, what="the download")
        has(5 << 20)
        # Nobody puts the hook back for a while: more passes than any window holds.
        spid.process.send_signal(signal.SIGSTOP)
        self.gateway("iptables", "-t", "mangle", "-F")
        has(os.path.getsize(path) + (60 << 20))
        spid.process.send_signal(signal.SIGCONT)
        spid.wait_for("it is put back")
        self.assertEqual(client.wait(60), 0)
        self.assertEqual(os.path.getsize(path), size)

    def test_who_comes_before_spid_later_is_asked_behind_it(self):
        spid = self.lab.spid(RULES)
        self.gateway("iptables", "-t", "mangle", "-I", "FORWARD", "-p", "tcp", "-j", "ACCEPT")
        spid.wait_for("-A FORWARD -p tcp -j ACCEPT; spid is asked first from now on")
        self.judged()
        # It may be so at the next start, too.
        spid.stop(signal.SIGTERM)
        self.lab.spid(RULES)
        self.judged()

    def test_flush_ruleset(self):
        self.need("nft")
        spid = self.lab.spid(RULES)
        self.gateway("nft", "flush", "ruleset")
        spid.wait_for("it is put back")
        self.judged()
        self.assertEqual(spid.stop(signal.SIGINT), 0)
        self.assertNotIn("spid-", self.lab.kernel_rules())

    def test_a_shortcut_while_it_runs_is_told_of(self):
        self.need("nft")
        spid = self.lab.spid(RULES)
        self.gateway("nft", "add table netdev quick; add chain netdev quick in { type filter hook ingress device eth1 priority 0; }")
        if self.lab.run("gateway", "nft", "add rule netdev quick in udp dport 9 fwd to eth0").returncode != 0:
            self.skipTest("this kernel has no fwd")
        spid.wait_for("takes packets past spid, by `fwd`")
        self.gateway("nft", "delete table netdev quick")
        spid.wait_for("the hook stands again")

    # ---- other tools ----

    def test_docker(self):
        spid = self.lab.spid(RULES)
        for _ in range(2):
            self.lab.run("gateway", "iptables-restore", "--noflush", input=DOCKER, check=True)
            self.judged()
        # What Docker drops stays dropped, whatever spid allows.
        self.gateway("iptables", "-I", "DOCKER-USER", "-j", "DROP")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)
        self.assertNotIn("unjudged", spid.log())

    def test_chains_of_nft_before_and_behind(self):
        self.need("nft")
        self.lab.run("gateway", "nft", "-f", "-", input=FIREWALLD, check=True)
        self.gateway("nft", "add table inet early; add chain inet early forward { type filter hook forward priority -300; policy accept; };"
                     "add rule inet early forward accept")
        self.lab.spid(RULES)
        self.judged()
        self.gateway("nft", "add rule inet early forward tcp dport 80 drop; insert rule inet early forward tcp dport 80 drop")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/", seconds=1)[0], 28)

    def test_ufw_flushes_all_and_comes_up(self):
        if not os.path.exists("/lib/ufw/ufw-init"):
            self.skipTest("ufw is not installed")
        root = tempfile.mkdtemp(prefix="spid-ufw-")
        self.addCleanup(shutil.rmtree, root)
        # Its own files, in a folder of ours: nothing of this machine's is read or written.
        for folder in ("etc/ufw", "etc/default", "lib/ufw"):
            os.makedirs(f"{root}/{folder}")
        for name in ("ufw-init", "ufw-init-functions"):
            shutil.copy(f"/lib/ufw/{name}", f"{root}/lib/ufw/")
        for name in ("before", "before6", "after", "after6", "user", "user6"):
            path = f"/usr/share/ufw/iptables/{name}.rules"
            shutil.copy(path if os.path.exists(path) else f"/usr/share/ufw/{name}.rules", f"{root}/etc/ufw/")
        with open(f"{root}/etc/ufw/ufw.conf", "w") as file:
            file.write("ENABLED=yes\nLOGLEVEL=low\n")
        with open(f"{root}/etc/default/ufw", "w") as file:
            file.write('IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\nDEFAULT_FORWARD_POLICY="ACCEPT"\n'
                       'DEFAULT_APPLICATION_POLICY="SKIP"\nMANAGE_BUILTINS=yes\nIPT_SYSCTL=\nIPT_MODULES=""\n')
        ufw = [f"{root}/lib/ufw/ufw-init", "--rootdir", root, "--datadir", root]
        spid = self.lab.spid(RULES)
        for action in ("start", "force-reload", "stop"):
            done = self.lab.run("gateway", *ufw, action)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            # From the last flush on it is the guard's turn: nobody else touches the tables any more.
            lab_module.wait_until(lambda: self.lab.kernel_rules().count("-A FORWARD -j spid-forward") == 2, what="the hook")
            self.judged()
        self.assertIn("it is put back", spid.log())

    def test_firewalld(self):
        self.need("firewalld")
        self.need("dbus-daemon")
        folder = os.path.join(self.lab.folder, "firewalld")
        shared = os.path.join(os.path.dirname(os.path.realpath(shutil.which("firewalld"))), "../lib/firewalld")
        os.makedirs(folder)
        # A bus of its own: it neither asks nor tells this machine's.
        with open(f"{folder}/bus.conf", "w") as file:
            file.write(BUS.format(folder=folder))
        bus = self.lab.start("gateway", "dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile")
        self.addCleanup(bus.kill)
        lab_module.wait_until(lambda: os.path.exists(f"{folder}/bus"), what="the bus")
        spid = self.lab.spid(RULES)
        for backend in ("nftables", "iptables"):
            with open(f"{folder}/firewalld.conf", "w") as file:
                file.write(f"DefaultZone=trusted\nFirewallBackend={backend}\nCleanupOnExit=yes\nIndividualCalls=no\nFlushAllOnReload=yes\n")
            environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={folder}/bus")
            daemon = self.lab.start("gateway", "firewalld", "--nofork", "--nopid", "--system-config", folder, "--default-config", shared,
                                    env=environment)
            here = "table inet firewalld" if backend == "nftables" else "chain FWD_trusted"

            def up():
                return here in self.lab.run("gateway", "nft", "list", "ruleset").stdout
            lab_module.wait_until(up, 30, f"firewalld with {backend}")
            for number in (signal.SIGHUP, signal.SIGTERM):
                lab_module.wait_until(lambda: self.lab.kernel_rules().count("-A FORWARD -j spid-forward") == 2, what="the hook")
                self.judged()
                daemon.send_signal(number)
                if number == signal.SIGHUP:
                    lab_module.wait_until(up, 30, "the reload")
            daemon.wait(30)
            lab_module.wait_until(lambda: not up(), what="its end")
            lab_module.wait_until(lambda: self.lab.kernel_rules().count("-A FORWARD -j spid-forward") == 2, what="the hook")
            self.judged()
        self.assertIn("it is put back", spid.log())

    def test_the_other_backend_says_nothing_about_ours(self):
        other = self.other()
        self.gateway(other, "-t", "mangle", "-A", "FORWARD", "-j", "ACCEPT")
        spid = self.lab.spid(RULES)
        self.judged()
        spid.stop(signal.SIGINT)
        self.assertIn("-A FORWARD -j ACCEPT", self.lab.run("gateway", other, "-t", "mangle", "-S").stdout)

    def test_a_hook_in_the_other_backend_is_taken_over(self):
        other = self.other()
        self.lab.spid(RULES).stop(signal.SIGTERM)
        here = self.lab.run("gateway", "iptables-save", "-t", "mangle").stdout
        self.lab.run("gateway", f"{other}-restore", "--noflush", input=here, check=True)
        self.assertIn("spid-forward", self.lab.run("gateway", other, "-t", "mangle", "-S").stdout)
        self.lab.spid(RULES)
        self.assertNotIn("spid-", self.lab.run("gateway", other, "-t", "mangle", "-S").stdout)
        self.judged()

    # ---- marks ----

    def test_nobody_else_gets_past_by_the_mark(self):
        self.lab.web("gateway", 80)
        spid = self.lab.spid("hook forward, input, output\n" + RULES, "--mark", "0x30/0xf0")
        # Ours does: the answer comes at once.
        self.assertEqual(self.lab.get(f"http://{GATEWAY4}/")[0], 7)
        code = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 36, 0x30)
s.sendto(b"x", (sys.argv[1], 9))
"""

        def arrived():
            fields = [line.split() for line in self.lab.run("server", "cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Udp:")]
            return int(dict(zip(*fields))["NoPorts"])

        before = arrived()
        self.lab.python("gateway", code, SERVER4)
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        lab_module.wait_until(lambda: spid.ask("rules")[0]["rules"][1]["packets"] > 1, what="the verdict")
        self.assertEqual(arrived(), before)
        spid.stop(signal.SIGINT)
        self.lab.python("gateway", code, SERVER4)
        lab_module.wait_until(lambda: arrived() == before + 1, what="the datagram")

    def legacy(self):
        return "legacy" in self.lab.run("gateway", "iptables", "--version").stdout

    def other(self):
        name = "iptables-nft" if self.legacy() else "iptables-legacy"
        self.need(name)
        return name


if __name__ == "__main__":
    lab_module.main(Neighbours)
