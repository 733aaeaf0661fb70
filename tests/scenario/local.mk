# Dialogues in time, on the engine alone.
check_PROGRAMS += tests/scenario/run
tests_scenario_run_SOURCES = tests/scenario/run.c tests/scenario/packets.c tests/scenario/packets.h tests/unit/build.c tests/unit/build.h
tests_scenario_run_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_scenario_run_LDADD = libparser.a libengine.a
dist_check_SCRIPTS += tests/scenario/run.sh
TESTS += tests/scenario/run.sh
EXTRA_DIST += \
	tests/scenario/adaptive.scenario \
	tests/scenario/antispoof.scenario \
	tests/scenario/c01-old-data-again.scenario \
	tests/scenario/c03-inexact-reset-while-closing.scenario \
	tests/scenario/c05-outdated-syn-ack.scenario \
	tests/scenario/c07-icmp-errors.scenario \
	tests/scenario/c11-sctp.scenario \
	tests/scenario/c13-errors-about-tunnels.scenario \
	tests/scenario/c15-acknowledgements-out-of-order.scenario \
	tests/scenario/c17-fins-again.scenario \
	tests/scenario/c19-syn-in-established.scenario \
	tests/scenario/c29-limits-of-a-rule.scenario \
	tests/scenario/c47-one-way-udp.scenario \
	tests/scenario/c51-other-protocols.scenario \
	tests/scenario/c61-errors-twice.scenario \
	tests/scenario/cells-close-wait.scenario \
	tests/scenario/cells-closed.scenario \
	tests/scenario/cells-established.scenario \
	tests/scenario/cells-fin-wait.scenario \
	tests/scenario/cells-last-ack.scenario \
	tests/scenario/cells-syn-received.scenario \
	tests/scenario/cells-syn-sent.scenario \
	tests/scenario/cells-syn-sent2.scenario \
	tests/scenario/cells-time-wait.scenario \
	tests/scenario/default-allow.scenario \
	tests/scenario/flags-and-dhcp.scenario \
	tests/scenario/ftp-active-and-passive.scenario \
	tests/scenario/half-open-and-reserve.scenario \
	tests/scenario/icmp-errors-about-tcp.scenario \
	tests/scenario/invalid-by-rule.scenario \
	tests/scenario/irc-dcc.scenario \
	tests/scenario/irc-refused.scenario \
	tests/scenario/irc-strict.scenario \
	tests/scenario/limit-new.scenario \
	tests/scenario/limit-per-source.scenario \
	tests/scenario/limits-after-a-reload.scenario \
	tests/scenario/loose-other-half.scenario \
	tests/scenario/loose.scenario \
	tests/scenario/malformed-beside-a-connection.scenario \
	tests/scenario/overload-flush.scenario \
	tests/scenario/overload.scenario \
	tests/scenario/picked-up.scenario \
	tests/scenario/ping.scenario \
	tests/scenario/ping6.scenario \
	tests/scenario/reload-cut-is-replaced.scenario \
	tests/scenario/reload-cuts-and-revives.scenario \
	tests/scenario/reload-drains.scenario \
	tests/scenario/reload-established-first.scenario \
	tests/scenario/reload-matches-the-opener.scenario \
	tests/scenario/rtsp-framing.scenario \
	tests/scenario/rtsp-hosts.scenario \
	tests/scenario/rtsp.scenario \
	tests/scenario/schedules.scenario \
	tests/scenario/self-and-neighbours.scenario \
	tests/scenario/states-of-a-rule.scenario \
	tests/scenario/syn-challenges.scenario \
	tests/scenario/table-full.scenario \
	tests/scenario/tcp-data-after-the-end.scenario \
	tests/scenario/tcp-fast-open-refused.scenario \
	tests/scenario/tcp-fast-open.scenario \
	tests/scenario/tcp-flags.scenario \
	tests/scenario/tcp-guessed-fin.scenario \
	tests/scenario/tcp-half-close.scenario \
	tests/scenario/tcp-handshake.scenario \
	tests/scenario/tcp-keep-alive.scenario \
	tests/scenario/tcp-new-number-for-a-syn.scenario \
	tests/scenario/tcp-port-used-again-by-the-other.scenario \
	tests/scenario/tcp-port-used-again.scenario \
	tests/scenario/tcp-reboot.scenario \
	tests/scenario/tcp-reset-at-the-acknowledged-edge.scenario \
	tests/scenario/tcp-reset-in-syn-sent.scenario \
	tests/scenario/tcp-reset-lost.scenario \
	tests/scenario/tcp-reset.scenario \
	tests/scenario/tcp-sack.scenario \
	tests/scenario/tcp-simultaneous-open.scenario \
	tests/scenario/tcp-split-handshake.scenario \
	tests/scenario/tcp-timeouts.scenario \
	tests/scenario/tcp-unacknowledged.scenario \
	tests/scenario/tcp-unsolicited.scenario \
	tests/scenario/tcp-whole-connection.scenario \
	tests/scenario/tcp-window-edges.scenario \
	tests/scenario/tcp-window-scale-of-one-side.scenario \
	tests/scenario/tcp-window-scale.scenario \
	tests/scenario/tcp-wrap-around.scenario \
	tests/scenario/tcp-zero-window.scenario \
	tests/scenario/tftp-strict.scenario \
	tests/scenario/tftp.scenario \
	tests/scenario/timeouts-of-a-rule.scenario \
	tests/scenario/timeouts-of-the-file.scenario \
	tests/scenario/udp-session.scenario
