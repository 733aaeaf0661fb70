# Units by systemd's own tools; what the daemon tells systemd is tests/lab/test_systemd.py's.
dist_check_SCRIPTS += tests/systemd/check-units.py
TESTS += tests/systemd/check-units.py
tests/systemd/check-units.log: $(SYSTEMD_UNITS)
