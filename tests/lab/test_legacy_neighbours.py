#!/usr/bin/env python3
"""The lab: spid beside other tools' rules, through iptables' older backend, where both are installed."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import older
import test_neighbours


class Legacy(older.OlderBackend, test_neighbours.Neighbours):
    """The same through the older backend, where it makes a difference."""


for name in ("docker", "chains_of_nft_before_and_behind", "flush_ruleset", "nobody_else_gets_past_by_the_mark", "ufw_flushes_all_and_comes_up",
             "firewalld", "so_is_one_in_a_chain_of_the_other_family", "what_only_nft_can_read_is_refused",
             "an_nft_rule_that_takes_packets_past_all_hooks_is_refused"):
    setattr(Legacy, f"test_{name}", None)

if __name__ == "__main__":
    older.main(Legacy)
