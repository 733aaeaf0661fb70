# What systemd reads, below the prefix: of /usr and /usr/local it knows all three folders.
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
SYSTEMD_UNITS = systemd/spid.service systemd/spid-lockdown.service
systemdsystemunit_DATA = $(SYSTEMD_UNITS)
dist_sysusers_DATA = systemd/sysusers.d/spid.conf
dist_tmpfiles_DATA = systemd/tmpfiles.d/spid.conf
EXTRA_DIST += $(SYSTEMD_UNITS:=.in)
CLEANFILES += $(SYSTEMD_UNITS)

$(SYSTEMD_UNITS): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' '$(srcdir)/$@.in' >$@
