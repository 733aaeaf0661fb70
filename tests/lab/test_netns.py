#!/usr/bin/env python3
"""The lab: spid in another network namespace than its starter's."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from lab import SERVER4, LabTest
from test_neighbours import RULES


class Netns(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80, 81)
        cls.inside = cls.lab.entries["gateway"]

    def start(self, namespace):
        """The daemon, started from the namespace of this test."""
        # An empty namespace of the starter's own: even if the option did nothing, this machine's rules stay as they are.
        self.lab.entries["gateway"] = ["unshare", "--net", "--"]
        try:
            return self.lab.spid(RULES, "--netns", namespace, ready=False)
        finally:
            self.lab.entries["gateway"] = self.inside

    def test_by_name_and_by_path(self):
        name = self.lab.names["gateway"]
        for namespace in (name, f"/run/netns/{name}"):
            spid = self.start(namespace)
            spid.wait_for("ready: ")
            self.assertIn("-A FORWARD -j spid-forward", self.lab.kernel_rules())
            self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
            self.assertEqual(self.lab.get(f"http://{SERVER4}:81/")[0], 7)
            self.assertEqual(spid.stop(signal.SIGINT), 0)
            self.assertNotIn("spid-", self.lab.kernel_rules())

    def test_one_that_is_not_there(self):
        for namespace, words in (("nowhere-at-all", "/run/netns/nowhere-at-all: No such file"), ("/dev/null", "cannot be entered")):
            spid = self.start(namespace)
            self.assertEqual(spid.process.wait(20), 1)
            self.assertIn(words, spid.log())



if __name__ == "__main__":
    lab_module.main(Netns)
