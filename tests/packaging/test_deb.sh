#!/bin/sh
# The Debian package: built from what `make dist` gives, found fine by lintian, and its test run on the files in it, unpacked. Takes
# minutes: with SPID_LAB_LONG=1 only.
set -eu

skip() {
    echo "skipped: $1"
    exit 77
}

[ -n "${SPID_LAB_LONG-}" ] || skip "the package is built with SPID_LAB_LONG=1"
for tool in dpkg-buildpackage dh lintian; do
    command -v "$tool" >/dev/null || skip "$tool is missing (apt-get install debhelper dpkg-dev lintian)"
done

make -s -C "$builddir" dist >/dev/null
archive=$(ls -t "$builddir"/spid-*.tar.xz | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xf "$archive"
cd "$work"/spid-*/

# The program's own tests run in the build that called this one.
dpkg-checkbuilddeps || skip "what the package is built with is missing"
DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -us -uc -b >"$work/log" 2>&1 || { tail -n 40 "$work/log"; exit 1; }
cd "$work"
lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs spid_*.changes
# Conffiles are the administrator's.
dpkg-deb --info spid_*_*.deb conffiles >conffiles
grep -qx /etc/spid/spid.rules conffiles

[ "$(id -u)" = 0 ] || skip "the package is fine; its test needs root"
dpkg -x spid_*_*.deb "$work/root"
PATH="$work/root/usr/sbin:$work/root/usr/bin:$PATH" sh spid-*/debian/tests/judge
