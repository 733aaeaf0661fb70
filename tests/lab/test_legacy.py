#!/usr/bin/env python3
"""The lab: the hook through iptables' older backend, where both are installed."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from test_lifecycle import Lifecycle

MULTI = "/usr/sbin/xtables-legacy-multi"


class Legacy(Lifecycle):
    @classmethod
    def setUpClass(cls):
        cls.shims = tempfile.mkdtemp(prefix="spid-legacy-")
        for tool in ("iptables", "ip6tables"):
            for kind in ("", "-save", "-restore"):
                os.symlink(MULTI, os.path.join(cls.shims, tool + kind))
        os.environ["PATH"] = cls.shims + ":" + os.environ["PATH"]
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.shims)

    def test_it_is_the_older_backend(self):
        self.assertIn("legacy", self.lab.run("gateway", "iptables", "--version").stdout)


if __name__ == "__main__":
    if not os.path.exists(MULTI):
        print(f"skipped: {MULTI} is not installed")
        sys.exit(lab_module.SKIP)
    # What has to do with the hook; the rest of the life cycle is the same.
    for name in unittest.defaultTestLoader.getTestCaseNames(Lifecycle):
        if name not in ("test_int_removes_exactly_what_was_installed",
                        "test_after_term_and_kill_nothing_passes_until_the_next_start"):
            setattr(Legacy, name, None)
    lab_module.main(Legacy)
