#!/usr/bin/env python3
"""The lab: what `spid --preflight` says of a gateway that is ready for spid, and of one that is not."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import SERVER4, LabTest

RULES = "zone lan = eth1\nzone wan = eth0\nallow lan to any tcp 80\ntest \"no\" 192.168.10.20@lan to 203.0.113.5@wan udp 9 expect deny\n"


class Preflight(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)

    def look(self, rules=RULES, *options, prefix=()):
        """(exit status, what is said: {check: [(result, text, mend)]})"""
        path = os.path.join(self.lab.folder, "preflight.rules")
        with open(path, "w") as file:
            file.write(rules)
        before = self.lab.kernel_rules()
        done = self.lab.run("gateway", *prefix, os.path.join(self.lab.build, "spid"), "--preflight", "-c", path, "-S",
                            os.path.join(self.lab.folder, "spid.sock"), "--json", *options)
        self.assertEqual(self.lab.kernel_rules(), before)
        answer = json.loads(done.stdout)
        checks = {}
        for line in answer["checks"]:
            checks.setdefault(line["check"], []).append((line["result"], line["text"], line["mend"]))
        self.assertEqual(answer["ok"], done.returncode == 0, done.stdout)
        self.assertEqual(answer["ok"], not any(line["result"] == "fail" for line in answer["checks"]))
        return done.returncode, checks

    def results(self, checks, *names):
        return {name: {result for result, _, _ in checks[name]} for name in names}

    def test_ready(self):
        status, checks = self.look()
        self.assertEqual(status, 0)
        names = ("rules", "privileges", "iptables", "nfqueue", "hook", "ipv6", "fragments", "queues", "socket", "neighbours", "forwarding",
                 "interfaces", "limits", "memory")
        wanted = {name: {"ok"} for name in names}
        if os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
            wanted["forwarding"] = {"ok", "warn"}
        self.assertEqual(self.results(checks, *names), wanted)
        self.assertIn("1 rules, 1 tests passed", checks["rules"][0][1])
        # And so it is.
        spid = self.lab.spid(RULES)
        spid.stop(signal.SIGINT)

    def test_for_people(self):
        path = os.path.join(self.lab.folder, "people.rules")
        with open(path, "w") as file:
            file.write("nonsense\n")
        done = self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "--preflight", "-c", path)
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^fail  rules        .*people\.rules:1: .*; spid --check .* says all$")
        self.assertRegex(lines[-1], r"^spid would not run: \d+ ok, \d+ warn, 1 fail$")

    def test_a_running_daemon_has_the_queue_and_the_socket(self):
        spid = self.lab.spid(RULES, "-q", "7")
        status, checks = self.look(RULES, "-q", "6-8")
        self.assertEqual(status, 1)
        self.assertEqual([text for _, text, _ in checks["queues"]], [f"queue 7 is taken by process {spid.process.pid} (spid)"])
        self.assertIn("a daemon listens at", checks["socket"][0][1])
        spid.stop(signal.SIGINT)

    def test_a_rule_of_others(self):
        for words in (["-A", "INPUT", "-j", "ACCEPT"], ["-A", "FORWARD", "-j", "MARK", "--set-mark", "1"]):
            self.lab.run("gateway", "iptables", "-t", "mangle", *words, check=True)
        self.addCleanup(self.lab.run, "gateway", "iptables", "-t", "mangle", "-F")
        # The chain that is not hooked does not count.
        self.assertEqual(self.look()[0], 0)
        status, checks = self.look(RULES, "-H", "input")
        self.assertEqual(status, 1)
        self.assertIn("rule 1 of the chain INPUT in the IPv4 mangle table lets packets pass", checks["neighbours"][0][1])

    def test_without_privileges(self):
        status, checks = self.look(prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
        self.assertEqual(status, 1)
        self.assertEqual([(result, text.split(":")[0]) for result, text, _ in checks["privileges"]],
                         [("fail", "CAP_NET_ADMIN is missing"), ("warn", "CAP_NET_RAW is missing"), ("warn", "CAP_BPF is missing")])
        self.assertIn("not known", checks["kernel"][0][1])
        self.assertEqual(self.results(checks, "kernel", "neighbours"), {"kernel": {"warn"}, "neighbours": {"warn"}})
        self.assertNotIn("hook", checks)

    def test_without_iptables(self):
        status, checks = self.look(prefix=("env", "PATH=/nonexistent"))
        self.assertEqual(status, 1)
        self.assertEqual(checks["iptables"], [("fail", "it is not installed", "on Debian: apt-get install iptables")])
        self.assertEqual(self.results(checks, "hook", "neighbours", "nfqueue"), {"hook": {"fail"}, "neighbours": {"fail"}, "nfqueue": {"ok"}})

    def test_what_is_not_there(self):
        self.lab.run("gateway", "sysctl", "-qw", "net.ipv4.ip_forward=0", check=True)
        self.addCleanup(self.lab.run, "gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        status, checks = self.look("zone dmz = eth7\n" + RULES)
        self.assertEqual(status, 0)
        self.assertIn(("warn", "IPv4 is not forwarded", "sysctl -w net.ipv4.ip_forward=1"), checks["forwarding"])
        self.assertIn("the interface 'eth7' of the zone 'dmz' does not exist", checks["interfaces"][0][1])

    def test_strict_rp_filter_matters_to_loose_rules(self):
        self.lab.run("gateway", "sysctl", "-qw", "net.ipv4.conf.eth1.rp_filter=1", check=True)
        self.addCleanup(self.lab.run, "gateway", "sysctl", "-qw", "net.ipv4.conf.eth1.rp_filter=0")
        self.assertNotIn("rp_filter", self.look()[1])
        checks = self.look(RULES + "allow lan to any tcp 81 loose\n")[1]
        self.assertEqual([(result, text.split()[0]) for result, text, _ in checks["rp_filter"]], [("warn", "eth1")])

    def test_conntrack(self):
        self.assertEqual(self.look()[1]["conntrack"], [("ok", "the kernel tracks no connections", None)])
        self.lab.run("gateway", "iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP", check=True)
        self.addCleanup(self.lab.run, "gateway", "iptables", "-F", "FORWARD")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        result, text, _ = self.look()[1]["conntrack"][0]
        self.assertEqual(result, "warn")
        self.assertIn("which spid does not need", text)

    def test_the_fast_path(self):
        status, checks = self.look("fastpath off\n" + RULES)
        self.assertEqual(checks["fastpath"], [("ok", "off in the rules file", None)])
        # `ip netns exec` hides the bpf file system.
        hidden = self.look("fastpath on\n" + RULES)
        if os.environ.get("SPID_LAB_FASTPATH") is None:
            self.assertEqual((hidden[0], self.results(hidden[1], "fastpath")), (1, {"fastpath": {"fail"}}))
            self.assertEqual(self.results(self.look()[1], "fastpath"), {"fastpath": {"warn"}})
        if not self.lab.mount_bpf():
            self.skipTest("bpf file systems are refused here")
        spid = self.lab.spid("fastpath auto\n" + RULES)
        has = "no fast path" not in spid.log()
        spid.stop(signal.SIGINT)
        status, checks = self.look("fastpath on\n" + RULES)
        self.assertEqual((status, self.results(checks, "fastpath")), (0, {"fastpath": {"ok"}}) if has else (1, {"fastpath": {"fail"}}))
        self.assertNotIn("spid", self.lab.run("gateway", "ls", "/sys/fs/bpf").stdout)

    def test_in_another_namespace(self):
        name = self.lab.names["gateway"]
        inside, self.lab.entries["gateway"] = self.lab.entries["gateway"], ["unshare", "--net", "--"]
        try:
            here, there = self.look(), self.look(RULES, "--netns", name)
        finally:
            self.lab.entries["gateway"] = inside
        self.assertIn(("warn", "IPv4 is not forwarded", "sysctl -w net.ipv4.ip_forward=1"), here[1]["forwarding"])
        self.assertIn(("ok", "IPv4 is forwarded", None), there[1]["forwarding"])
        self.assertEqual(self.results(there[1], "interfaces"), {"interfaces": {"ok"}})


if __name__ == "__main__":
    lab_module.main(Preflight)
