#!/usr/bin/env python3
"""The lab: the figures over HTTP, and that the dashboard and the alerts use what a running daemon really tells."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exposition
import lab as lab_module
from lab import GATEWAY4, SERVER4, LabTest, wait_until

RULES = """zone lan = eth1
zone wan = eth0
set names = dns "nobody.invalid"
deny lan to names
allow lan to any tcp 80 as "web"
"""

PLACE = "127.0.0.1:9477"
MONITORING = os.path.join(os.environ.get("srcdir", "."), "monitoring")
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"

# What Prometheus 2.53 sends.
PROMETHEUS = ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
              "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")

# Each of the requests (a list of [method, path, headers]) on one connection: [status, headers, text].
ASK = """
import http.client, json, sys
host, port = sys.argv[1].rsplit(":", 1)
c = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=30)
answers = []
for method, path, headers in json.loads(sys.argv[2]):
    c.request(method, path, headers=headers)
    r = c.getresponse()
    answers.append([r.status, dict(r.getheaders()), r.read().decode()])
print(json.dumps(answers))
"""

# So many connections that ask for everything and read nothing, or say nothing; until the process ends.
SILENT = """
import socket, sys, time
kept = [socket.create_connection(("127.0.0.1", 9477), 10) for _ in range(int(sys.argv[2]))]
for one in kept:
    one.sendall(sys.argv[3].encode())
open(sys.argv[1], "w").close()
time.sleep(1000000)
"""


class Monitoring(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.web("server", 80)
        cls.spid = cls.lab.spid(RULES, "--metrics", PLACE, ready=False)
        wait_until(lambda: "ready: " in cls.spid.log() or cls.spid.process.poll() is not None, 20, "the start")
        if "without libmicrohttpd" in cls.spid.log():
            cls.lab.close()
            raise unittest.SkipTest("this spid was built without libmicrohttpd (apt-get install libmicrohttpd-dev)")
        cls.spid.wait_for("ready: ")

    def setUp(self):
        self.assertIsNone(self.spid.process.poll())

    def ask(self, *requests, place=PLACE):
        done = self.lab.python("gateway", ASK, place, json.dumps(requests))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def samples(self):
        status, _, text = self.ask(["GET", "/metrics", {}])[0]
        self.assertEqual(status, 200)
        return exposition.read(text, openmetrics=False)

    # ---- HTTP ----

    def test_the_text_that_is_asked_for(self):
        cases = ((None, PLAIN), ("", PLAIN), ("*/*", PLAIN), (PROMETHEUS, OPEN), ("application/openmetrics-text", OPEN),
                 ("text/plain;q=0.5, Application/OpenMetrics-Text; version=\"1.0.0\" ; q=0.5", OPEN),
                 ("application/openmetrics-text;q=0.4,text/plain;q=0.5", PLAIN), ("application/openmetrics-text;q=0", PLAIN),
                 ("application/openmetrics-text;q=0.000,*/*", PLAIN), ("application/openmetrics-text;version=0.0.1", PLAIN),
                 ("application/openmetrics-text; version=2.0.0, text/plain", PLAIN), ("application/openmetrics-textual", PLAIN),
                 (";;q=,,=;application/openmetrics-text;;q", PLAIN), (",application/openmetrics-text,", OPEN))
        answers = self.ask(*(["GET", "/metrics", {} if accept is None else {"Accept": accept}] for accept, _ in cases))
        for (accept, wanted), (status, headers, text) in zip(cases, answers):
            self.assertEqual((status, headers["Content-Type"]), (200, wanted), accept)
            exposition.read(text, openmetrics=wanted == OPEN)
            self.assertEqual(headers["Vary"], "Accept")

    def test_the_same_figures_as_on_the_socket(self):
        told = exposition.read(self.spid.ctl("metrics").stdout, openmetrics=False)
        self.assertEqual({name: set(samples) for name, samples in self.samples().items()},
                         {name: set(samples) for name, samples in told.items()})

    def test_the_figures_move(self):
        def allowed():
            return sum(value for labels, value in self.samples()["spid_verdicts_total"].items() if ("action", "allow") in labels)
        before = allowed()
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        wait_until(lambda: allowed() > before, 10, "another figure")

    def test_nothing_else_is_there(self):
        answers = self.ask(["GET", "/", {}], ["GET", "/metrics/", {}], ["GET", "/metrics?x=1", {}])
        self.assertEqual([status for status, _, _ in answers], [404, 404, 200])
        for method in "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW":
            status, headers, _ = self.ask([method, "/metrics", {}])[0]
            self.assertEqual((status, headers["Allow"]), (405, "GET"), method)

    def test_only_this_machine_reaches_it(self):
        self.assertEqual(self.lab.get(f"http://{GATEWAY4}:9477/metrics")[0], 7)
        for place in "0.0.0.0:9477", f"{GATEWAY4}:9477", "[::]:9477", "localhost:9477", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", \
                "::1:9477", "[::1]", "[127.0.0.1]:9477", "128.0.0.1:9477", "127.0.0.1:9477x", "":
            done = self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "--metrics", place)
            self.assertEqual(done.returncode, 2, place)
            self.assertIn("--metrics takes a loopback address and a port, such as 127.0.0.1:9477 or [::1]:9477", done.stderr)
            self.assertIn("proxy", done.stderr)

    def test_a_port_that_is_taken(self):
        done = self.lab.run("gateway", os.path.join(self.lab.build, "spid"), "-f", "-H", "none", "-q", "7", "-c", self.spid.rules, "-S",
                            os.path.join(self.lab.folder, "other.sock"), "--metrics", PLACE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"--metrics {PLACE}: Address already in use", done.stderr)

    def test_ipv6(self):
        spid = os.path.join(self.lab.build, "spid")
        with open(os.path.join(self.lab.folder, "six.log"), "w") as log:
            process = self.lab.start("gateway", spid, "-f", "-H", "none", "-q", "7", "-c", self.spid.rules, "-S",
                                     os.path.join(self.lab.folder, "six.sock"), "--metrics", "[::1]:9478", stderr=log)
        wait_until(lambda: "ready: " in open(log.name).read(), 20, "the start")
        self.assertEqual(self.ask(["GET", "/metrics", {}], place="[::1]:9478")[0][0], 200)
        process.terminate()
        self.assertEqual(process.wait(20), 0)

    def test_who_is_silent_or_does_not_read_holds_up_nobody(self):
        def hold(count, words):
            ready = os.path.join(self.lab.folder, f"silent-{len(self.lab.processes)}")
            process = self.lab.start("gateway", sys.executable, "-c", SILENT, ready, str(count), words)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            wait_until(lambda: os.path.exists(ready), 20, "those who are silent")
        # Half of the places: the others still serve.
        hold(2, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        hold(2, "GET /met")
        self.assertEqual(self.ask(["GET", "/metrics", {}])[0][0], 200)
        # More than there is room for: packets pass, the control socket answers, and who is silent is cut off in time.
        hold(6, "GET /metrics HTTP/1.1\r\nX: ")
        self.assertEqual(self.lab.get(f"http://{SERVER4}/")[0], 0)
        self.assertEqual(self.spid.ctl("status").returncode, 0)
        self.assertEqual(wait_until(lambda: self.served(), 120, "room for an honest reader"), 200)

    def served(self):
        done = self.lab.python("gateway", ASK, PLACE, json.dumps([["GET", "/metrics", {}]]))
        return json.loads(done.stdout)[0][0] if done.returncode == 0 else None

    # ---- the dashboard and the alerts ----

    def expressions(self):
        """(where it stands, the expression) of everything that asks Prometheus."""
        with open(os.path.join(MONITORING, "spid-dashboard.json")) as file:
            dashboard = json.load(file)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"] + " " + " ".join(re.findall(r"{{\w+}}", target["legendFormat"]))
        for annotation in dashboard["annotations"]["list"]:
            yield annotation["name"], annotation["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["name"], variable["query"]["query"]
        with open(os.path.join(MONITORING, "spid-alerts.yml")) as file:
            text = file.read()
        for alert in re.split(r"\n +- alert: ", text)[1:]:
            yield alert.split("\n")[0], re.search(r"expr: (.*)", alert)[1] + " " + " ".join(re.findall(r"\$labels\.\w+", alert))

    def test_each_name_and_label_is_told(self):
        samples = self.samples()
        labels = {name: {key for one in several for key, _ in one} for name, several in samples.items()}
        used = set()
        for where, expression in self.expressions():
            names = set(re.findall(r"\bspid_\w+", expression))
            self.assertTrue(names, f"{where}: no figure of spid in {expression}")
            self.assertLessEqual(names, set(samples), where)
            used |= names
            # What Prometheus adds by itself is not ours.
            known = set().union(*(labels[name] for name in names)) | {"instance"}
            wanted = set(re.findall(r"{{(\w+)}}|\$labels\.(\w+)", expression)) | set(re.findall(r"(\w+)(?==~?\")", expression)) | \
                {key for group in re.findall(r"by \(([\w, ]+)\)", expression) for key in re.split(", *", group)}
            wanted = {one if isinstance(one, str) else one[0] or one[1] for one in wanted}
            self.assertLessEqual(wanted, known, f"{where}: {expression}")
            for name, selector in re.findall(r"\b(spid_\w+)\{([^}]*)\}", expression):
                for key, value in re.findall(r'(\w+)="([^"]*)"', selector):
                    self.assertTrue(any((key, value) in one for one in samples[name]), f"{where}: {name} has no {key}={value}")
        self.assertGreater(len(used), 25)

    def test_promtool_has_nothing_to_say(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not installed (Debian: prometheus)")
        done = subprocess.run([promtool, "check", "rules", os.path.join(MONITORING, "spid-alerts.yml")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("SUCCESS", done.stdout)
        text = self.ask(["GET", "/metrics", {}])[0][2]
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        done = subprocess.run([promtool, "test", "rules", os.path.join(os.path.dirname(os.path.abspath(__file__)), "alerts.yml")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    lab_module.main(Monitoring)
