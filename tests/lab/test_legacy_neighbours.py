#!/usr/bin/env python3
"""The lab: spid beside other tools' rules, through iptables' older backend, where both are installed."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
import test_neighbours

MULTI = "/usr/sbin/xtables-legacy-multi"


class Legacy(test_neighbours.Neighbours):
    """The same through the older backend, where it makes a difference."""

    @classmethod
    def setUpClass(cls):
        cls.shims = tempfile.mkdtemp(prefix="spid-legacy-")
        for tool in ("iptables", "ip6tables"):
            for kind in ("", "-save", "-restore"):
                os.symlink(MULTI, os.path.join(cls.shims, tool + kind))
        cls.path = os.environ["PATH"]
        os.environ["PATH"] = cls.shims + ":" + cls.path
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        os.environ["PATH"] = cls.path
        shutil.rmtree(cls.shims)


for name in ("docker", "chains_of_nft_before_and_behind", "flush_ruleset", "nobody_else_gets_past_by_the_mark", "ufw_flushes_all_and_comes_up",
             "firewalld", "so_is_one_in_a_chain_of_the_other_family", "what_only_nft_can_read_is_refused",
             "an_nft_rule_that_takes_packets_past_all_hooks_is_refused"):
    setattr(Legacy, f"test_{name}", None)

if __name__ == "__main__":
    if not os.path.exists(MULTI):
        print(f"skipped: {MULTI} is not installed")
        sys.exit(lab_module.SKIP)
    lab_module.main(Legacy)
