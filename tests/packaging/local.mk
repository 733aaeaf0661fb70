# The packages: what they ask for, always; built where time and tools allow.
PACKAGING = debian/README.Debian debian/changelog debian/control debian/copyright debian/rules debian/source/format debian/spid.postinst debian/spid.prerm debian/tests/control \
	debian/tests/judge rpm/spid.spec
EXTRA_DIST += $(PACKAGING)
dist_check_SCRIPTS += tests/packaging/check-spec.sh tests/packaging/test_deb.sh
TESTS += tests/packaging/check-spec.sh tests/packaging/test_deb.sh
