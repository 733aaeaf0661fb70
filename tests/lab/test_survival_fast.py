#!/usr/bin/env python3
"""The lab: nothing is lost with the fast path either, whose entries outlast the daemon too."""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
import test_survival
from lab import wait_until
from test_survival import STAYS, ZONES


class SurvivalFast(test_survival.Survival):
    FAST = "fastpath on\n"
    PICKED_UP = False # the kernel's entries tell of them

    @classmethod
    def prepare(cls):
        if not cls.lab.mount_bpf():
            raise unittest.SkipTest("no bpf file system can be mounted")
        spid = cls.lab.spid(ZONES + cls.FAST + "allow lan to any tcp 80\n", ready=False)
        try:
            spid.wait_for("ready: ")
        except RuntimeError as error:
            raise unittest.SkipTest(str(error)) from error
        spid.stop()

    # These have nothing to do with it.
    test_members_of_sets_stay = test_limits_count_those_that_were_there = test_two_cannot_share_a_file = None
    test_a_full_file_system_denies_what_is_new = test_where_nothing_can_outlast_it_it_says_so = None

    def test_the_kernels_entries_go_on(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            spid = self.spid(STAYS)
            talkers = self.talkers(STAYS, 20)
            wait_until(lambda: spid.ask("status")[0]["fastpath"]["entries"] == 20, 30, "20 entries")
            spid.stop(number)
            # They pass while there is no daemon.
            self.go(talkers, 20)
            spid = self.spid(STAYS)
            self.assertIn("20 connections of the fast path go on", spid.log())
            self.check_adopted(spid, 20)
            self.go(talkers, 20)
            talkers.kill()
            spid.stop(signal.SIGINT)

    def test_without_the_fast_path_they_go_on_too(self):
        """Packets have passed beside the daemon, and nobody tells the next one how far the windows are."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            spid = self.spid(STAYS)
            talkers = self.talkers(STAYS, 20)
            wait_until(lambda: spid.ask("status")[0]["fastpath"]["entries"] == 20, 30, "20 entries")
            self.go(talkers, 20, 10)
            spid.stop(number)
            spid = self.lab.spid(self.rules(STAYS).replace("fastpath on", "fastpath off"), state=self.state)
            self.go(talkers, 20)
            self.check_adopted(spid, 20)
            talkers.kill()
            spid.stop(signal.SIGINT)


if __name__ == "__main__":
    lab_module.main(SurvivalFast)
