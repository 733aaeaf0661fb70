#!/usr/bin/env python3
"""The lab: where events and denied packets go, in files, pipes, syslog and the journal; and what becomes of them, and of the packets
that have nothing to do with it, when a disk is full, a folder gone, a reader dead or asleep."""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as lab_module
from event_lab import RULES, EventLab, epb_comments
from lab import CLIENT4, READERS, SERVER4, SPID_USER, wait_until

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class LogPlaces(EventLab):
    def test_a_file_is_opened_anew(self):
        self.start(f'log to "{self.eve}"', f'log packets to "{self.packets}"')
        self.deny()
        self.wait_for("drop")
        wait_until(lambda: len(epb_comments(self.packets)) >= 1, 20, "a packet")
        for path in (self.eve, self.packets):
            os.rename(path, path + ".1")
        first = len(self.find("drop", path=self.eve + ".1"))
        self.spid.process.send_signal(signal.SIGUSR1)
        self.spid.wait_for("2 log files are opened anew")
        wait_until(lambda: os.path.exists(self.eve) and os.path.exists(self.packets), 20, "new files")
        self.deny(2)
        self.wait_for("drop")
        wait_until(lambda: len(epb_comments(self.packets)) >= 2, 20, "packets in the new file")
        self.assertEqual(len(self.find("drop", path=self.eve + ".1")), first)

    @unittest.skipUnless(shutil.which("logrotate", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"), "logrotate is missing")
    def test_logrotate(self):
        folder = os.path.join(self.lab.folder, "rotated")
        os.makedirs(folder)
        os.chown(folder, SPID_USER, READERS)
        self.eve = os.path.join(folder, "eve.json")
        self.start(f'log to "{self.eve}"')
        self.deny()
        self.wait_for("drop")
        with open(os.path.join(TOP, "etc/spid.logrotate")) as file:
            text = file.read()
        self.assertIn("/var/log/spid/", text)
        self.assertIn("systemctl", text)
        text = text.replace("/var/log/spid/", folder + "/")
        begin, end = text.index("postrotate") + len("postrotate"), text.index("endscript")
        text = text[:begin] + f"\nkill -USR1 {self.spid.process.pid}\n" + text[end:]
        config = os.path.join(folder, "logrotate")
        with open(config, "w") as file:
            file.write(text)
        done = subprocess.run(["logrotate", "-f", "-s", config + ".state", config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.spid.wait_for("log files are opened anew")
        wait_until(lambda: os.path.exists(self.eve), 20, "a new file")
        self.deny()
        self.wait_for("drop")
        self.assertTrue(any(name.startswith("eve.json") and name != "eve.json" for name in os.listdir(folder)))

    def test_a_full_disk(self):
        small = os.path.join(self.lab.folder, "small")
        self.start(f'log to "{small}/eve.json"', f'log packets to "{small}/denied.pcapng"', rate="1000/s")
        eve = self.inside(f"{small}/eve.json")
        self.deny()
        self.wait_for("drop", path=eve)
        with open(self.inside(f"{small}/filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 1000)
            except OSError:
                pass
        self.deny(400)
        self.spid.wait_for(f"log to {small}/eve.json: No space left on device")
        self.spid.wait_for(f"log to {small}/denied.pcapng: No space left on device")
        self.assertEqual(self.log_of(f"{small}/eve.json")["error"], "No space left on device")
        self.assertIn("not working: No space left on device", self.spid.ctl("status").stdout)
        self.works()
        os.unlink(self.inside(f"{small}/filler"))
        self.spid.wait_for(f"log to {small}/eve.json works again")
        self.spid.wait_for(f"log to {small}/denied.pcapng works again")
        self.assertEqual(self.spid.log().count("eve.json: No space left"), 1)
        # Every line is whole, and so is every packet.
        self.assertGreater(len(self.find("drop", path=eve)), 5)
        self.assertGreater(len(epb_comments(self.inside(f"{small}/denied.pcapng"))), 5)
        self.works()

    def test_a_folder_that_is_removed(self):
        folder = os.path.join(self.lab.folder, "logs")
        os.makedirs(folder)
        self.start(f'log to "{folder}/eve.json"')
        self.deny()
        self.wait_for("drop", path=f"{folder}/eve.json")
        self.assertEqual(os.stat(f"{folder}/eve.json").st_uid, SPID_USER)
        shutil.rmtree(folder)
        self.deny()
        self.spid.wait_for(f"log to {folder}/eve.json: No such file or directory")
        self.works()
        os.makedirs(folder)
        os.chown(folder, SPID_USER, READERS)
        self.spid.wait_for(f"log to {folder}/eve.json works again; 0 were lost")
        self.wait_for("drop", path=f"{folder}/eve.json")

    def test_a_start_without_the_folder(self):
        made = os.path.join(self.lab.folder, "made")
        self.start(f'log to "{made}/eve.json"')
        self.deny()
        self.wait_for("drop", path=f"{made}/eve.json")
        self.assertEqual(os.stat(made).st_uid, SPID_USER)
        self.spid.stop()
        # The last folder is made, no others.
        folder = os.path.join(self.lab.folder, "later", "below")
        self.start(f'log to "{folder}/eve.json"')
        self.spid.wait_for(f"log to {folder}/eve.json: No such file or directory")
        self.works()

    def test_a_pipe_that_nobody_reads(self):
        pipe = os.path.join(self.lab.folder, "pipe")
        os.mkfifo(pipe)
        os.chmod(pipe, 0o666)
        self.start(f'log to "{pipe}"', rate="100000/s")
        self.spid.wait_for(f"log to {pipe}: nobody reads the pipe")
        self.deny(6000)
        self.works()
        wait_until(lambda: self.log_of(pipe)["lost"] > 0, 20, "lost events")
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        text = b""
        def read():
            nonlocal text
            try:
                text += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            return "works again" in self.spid.log()
        wait_until(read, 30, "what has waited")
        # He falls asleep: that is said, too.
        self.deny(3000)
        self.spid.wait_for(f"log to {pipe}: its reader does not read")
        self.works()
        os.close(reader)
        events = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
        self.assertGreater(len(events), 100)
        metrics = self.spid.ctl("metrics").stdout
        self.assertRegex(metrics, r'spid_log_lost_total\{to="[^"]*/pipe",what="events"\} [1-9]')
        self.assertRegex(metrics, r'spid_log_working\{to="[^"]*/pipe",what="events"\} [01]\n')

    def test_syslog(self):
        reader = self.listen("syslog")
        self.start("log to syslog", rate="1000/s")
        self.deny()
        text, event = self.told(reader, "drop")
        self.assertRegex(text, r"^<30>[A-Z][a-z][a-z] [ 0-9]\d \d\d:\d\d:\d\d spid\[%d\]: \{.*\}$" % self.spid.process.pid)
        self.assertEqual(event["dest_port"], 10000)
        # He is there and does not read.
        self.deny(100)
        self.spid.wait_for("log to syslog: its reader does not read")
        self.works()
        def drained():
            self.drain(reader)
            return "log to syslog works again; 0 were lost" in self.spid.log()
        wait_until(drained, 20, "syslog at work again")
        # He dies.
        reader.close()
        self.deny()
        self.spid.wait_for("log to syslog: Connection refused")
        self.works()
        before = len(self.spid.log())
        reader = self.listen("syslog")
        self.told(reader, "drop")
        self.spid.wait_for("log to syslog works again", after=before)

    def test_no_syslog_at_all(self):
        path = os.path.join(self.lab.folder, "syslog")
        if os.path.lexists(path):
            os.unlink(path)
        self.start("log to syslog")
        self.spid.wait_for("log to syslog: No such file or directory")
        self.works()

    def test_journal(self):
        reader = self.listen("journal")
        self.start("log to journal")
        self.deny()
        while True:
            fields = dict(line.split("=", 1) for line in reader.recv(8192).decode().splitlines())
            event = json.loads(fields["MESSAGE"])
            if event["event_type"] == "drop":
                break
        self.assertEqual((fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]), ("6", "spid"))
        self.assertEqual(event["src_ip"], CLIENT4)

    def test_the_daemons_own_log_waits_for_nobody(self):
        reader = self.listen("syslog")
        rules, pidfile = os.path.join(self.lab.folder, "own.rules"), os.path.join(self.lab.folder, "own.pid")
        control = os.path.join(self.lab.folder, "own.sock")
        with open(rules, "w") as file:
            file.write(RULES.format(places="", rate="10/s"))
        spid = os.path.join(self.lab.build, "spid")
        done = self.lab.run("gateway", *self.prefix(), spid, "-c", rules, "-S", control, "-v", "--pidfile", pidfile)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(pidfile) as file:
            pid = int(file.read())
        ask = lambda *words: self.lab.run("gateway", os.path.join(self.lab.build, "spidctl"), "-S", control, *words, timeout=20)
        try:
            # With -v each packet is a line: far more than the socket takes.
            for _ in range(20):
                self.works()
            self.assertEqual(ask("status").returncode, 0)
            seen = ""
            def read():
                nonlocal seen
                self.lab.ping(SERVER4)
                seen += self.drain(reader)
                return "were lost: nobody read it" in seen
            wait_until(read, 30, "the sum of the lost lines")
            self.assertRegex(seen, r"(?m)^<2\d>.* spid\[%d\]: \d+ lines of this log were lost: nobody read it$" % pid)
            reader.close()
            self.works()
            self.assertEqual(ask("status").returncode, 0)
        finally:
            os.kill(pid, signal.SIGINT)
            wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), 20, "the daemon's end")


if __name__ == "__main__":
    lab_module.main(LogPlaces)
