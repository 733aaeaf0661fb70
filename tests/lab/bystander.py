"""An honest client behind the gateway, who must not notice what is done to it: a TCP connection that speaks all the time, and ever
new ones."""
import json
import os
import sys

from lab import SERVER4, wait_until

PORT = 7000

ECHO = """
import socket, sys, threading
def serve(s):
    while data := s.recv(65536):
        s.sendall(data)
    s.close()
listening = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=128)
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
"""

# He has something to say in any case.
SPEAKER = """
import json, os, socket, sys, time
server, port, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
result = {"exchanges": 0, "opened": 0, "errors": []}
lasting = socket.create_connection((server, port), timeout=10)
open(stop + ".on", "w").close()
while not (os.path.exists(stop) and result["opened"] > 20) and len(result["errors"]) < 5:
    try:
        lasting.sendall(b"x")
        if lasting.recv(1) != b"x":
            raise OSError("the lasting connection was closed")
        result["exchanges"] += 1
        with socket.create_connection((server, port), timeout=10) as short:
            short.sendall(b"y")
            result["opened"] += short.recv(1) == b"y"
    except OSError as error:
        result["errors"].append(repr(error))
    time.sleep(0.01)
print(json.dumps(result))
"""


def serve(lab):
    """What bystanders speak to."""
    lab.start("server", sys.executable, "-c", ECHO, str(PORT))
    wait_until(lambda: lab.run("server", "ss", "-Hltn", f"sport = :{PORT}").stdout.strip(), what="the echo server")


class Bystander:
    """Speaks until the file `stop` is there."""

    def __init__(self, lab, name):
        self.stop = os.path.join(lab.folder, name)
        with open(self.stop + ".out", "wb") as out:
            self.process = lab.start("client", sys.executable, "-c", SPEAKER, SERVER4, str(PORT), self.stop, stdout=out)
        wait_until(lambda: os.path.exists(self.stop + ".on"), what="the bystander's connection")

    def end(self):
        """What he noticed: a list of errors."""
        open(self.stop, "w").close()
        self.process.wait(100)
        with open(self.stop + ".out") as file:
            return json.loads(file.read())["errors"]
