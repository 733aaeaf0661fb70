#!/usr/bin/env python3
"""What systemd reads, by systemd's own tools: units, how exposed they are, the user and the folders."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
EXPOSURE = 30 # in tenths
UNITS = "spid.service", "spid-lockdown.service"

srcdir, builddir = os.environ.get("srcdir", "."), os.environ.get("builddir", ".")
os.environ["PATH"] += ":/usr/sbin:/sbin"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def units_in(folder):
    """The units as they are built, with the programs where the build has left them."""
    for name in UNITS:
        with open(os.path.join(builddir, "systemd", name)) as file:
            text = file.read()
        assert "@" not in re.sub(r"SystemCallFilter=.*", "", text), f"{name}: something was not filled in"
        text = re.sub(r"^(Exec\w+=!?)\S*/(spid|spidctl)\b", rf"\1{os.path.abspath(builddir)}/\2", text, flags=re.M)
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        yield path


def check_units(folder):
    for path in units_in(folder):
        status, text = run("systemd-analyze", "verify", "--man=no", path)
        assert status == 0 and not text.strip(), f"{path} is refused:\n{text}"
        status, text = run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", path)
        assert status == 0, f"{path} is exposed by more than {EXPOSURE / 10}:\n{text}"
        print(text.splitlines()[-1])


def check_accounts(folder):
    """The user and the groups, in a root of their own; then the folders, which belong to them."""
    os.makedirs(os.path.join(folder, "etc"))
    status, text = run("systemd-sysusers", f"--root={folder}", os.path.join(os.path.abspath(srcdir), "systemd/sysusers.d/spid.conf"))
    assert status == 0, text
    with open(os.path.join(folder, "etc/passwd")) as file:
        user = next(line.split(":") for line in file if line.startswith("spid:"))
    with open(os.path.join(folder, "etc/group")) as file:
        groups = {line.split(":")[0]: line.split(":")[2] for line in file}
    assert set(groups) == {"spid", "spid-admin"} and groups["spid"] == user[3], (user, groups)
    assert user[2] != "0" and user[6].strip().endswith("nologin"), user
    status, text = run("systemd-tmpfiles", f"--root={folder}", "--create",
                       os.path.join(os.path.abspath(srcdir), "systemd/tmpfiles.d/spid.conf"))
    assert status == 0, text
    for path, mode in ("run/spid", 0o755), ("var/log/spid", 0o750):
        found = os.stat(os.path.join(folder, path))
        assert (found.st_uid, found.st_mode & 0o777) == (int(user[2]), mode), (path, found)


def main():
    for tool in "systemd-analyze", "systemd-sysusers", "systemd-tmpfiles":
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is not installed")
            return SKIP
    with tempfile.TemporaryDirectory() as folder:
        check_units(folder)
    if os.geteuid() != 0:
        print("the user and the folders are not tried: that needs root")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        check_accounts(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
