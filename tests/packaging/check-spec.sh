#!/bin/sh
# The packages ask for what bootstrap installs to build spid, and for the version that configure says; rpm can read its file.
set -eu
failed=0

version=$(sed -n 's/^AC_INIT(\[spid\],\[\([^]]*\)\].*/\1/p' "$srcdir/configure.ac")
grep -q "^spid ($version) " "$srcdir/debian/changelog" || { echo "debian/changelog is not about $version"; failed=1; }
grep -q "^Version: *$version$" "$srcdir/rpm/spid.spec" || { echo "rpm/spid.spec is not about $version"; failed=1; }

# What debhelper brings, and what every package is built with, is not named.
for package in $(sed -n '/^build_packages="/,/"$/p' "$srcdir/bootstrap" | sed 's/^build_packages="//; s/["\\]//g'); do
    case $package in
    autoconf | automake | gcc | make | xz-utils) continue ;;
    esac
    grep -Eq "(^Build-Depends:|^ ) *$package( |,|$)" "$srcdir/debian/control" || { echo "debian/control does not ask for $package"; failed=1; }
done

if command -v rpmspec >/dev/null; then
    rpmspec -P "$srcdir/rpm/spid.spec" >/dev/null || failed=1
fi
exit "$failed"
