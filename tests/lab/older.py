"""iptables' older backend for a lab, where both are installed: its tools come first in the path."""
import os
import shutil
import sys
import tempfile

import lab as lab_module

MULTI = "/usr/sbin/xtables-legacy-multi"


class OlderBackend:
    """Before the lab's class among the bases of a test."""

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


def main(case):
    if not os.path.exists(MULTI):
        print(f"skipped: {MULTI} is not installed")
        sys.exit(lab_module.SKIP)
    lab_module.main(case)
