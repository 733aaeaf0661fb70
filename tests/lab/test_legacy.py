#!/usr/bin/env python3
"""The lab: the hook through iptables' older backend, where both are installed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import older
from test_lifecycle import Lifecycle


class Legacy(older.OlderBackend, Lifecycle):
    def test_it_is_the_older_backend(self):
        self.assertIn("legacy", self.lab.run("gateway", "iptables", "--version").stdout)


if __name__ == "__main__":
    # What has to do with the hook; the rest of the life cycle is the same.
    for name in unittest.defaultTestLoader.getTestCaseNames(Lifecycle):
        if name not in ("test_int_removes_exactly_what_was_installed",
                        "test_after_term_and_kill_nothing_passes_until_the_next_start"):
            setattr(Legacy, name, None)
    older.main(Legacy)
