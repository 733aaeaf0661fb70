libhost_a_SOURCES += \
	src/daemon/control_socket.c \
	src/daemon/control_socket.h \
	src/daemon/daemon.c \
	src/daemon/daemon.h \
	src/daemon/denied.c \
	src/daemon/denied.h \
	src/daemon/drops.c \
	src/daemon/drops.h \
	src/daemon/eve.c \
	src/daemon/eve.h \
	src/daemon/event_answer.c \
	src/daemon/event_answer.h \
	src/daemon/events.c \
	src/daemon/events.h \
	src/daemon/exporter.h \
	src/daemon/fast.c \
	src/daemon/fast.h \
	src/daemon/follow.c \
	src/daemon/follow.h \
	src/daemon/heritage.c \
	src/daemon/heritage.h \
	src/daemon/judges.c \
	src/daemon/judges.h \
	src/daemon/landlock.c \
	src/daemon/landlock.h \
	src/daemon/ledger.c \
	src/daemon/ledger.h \
	src/daemon/log.c \
	src/daemon/log.h \
	src/daemon/loopback.c \
	src/daemon/loopback.h \
	src/daemon/losses.c \
	src/daemon/losses.h \
	src/daemon/members.c \
	src/daemon/members.h \
	src/daemon/notify.c \
	src/daemon/notify.h \
	src/daemon/preview.c \
	src/daemon/preview.h \
	src/daemon/private.h \
	src/daemon/privileges.c \
	src/daemon/privileges.h \
	src/daemon/recorder.c \
	src/daemon/recorder.h \
	src/daemon/rehearsal.c \
	src/daemon/rehearsal.h \
	src/daemon/reload.c \
	src/daemon/reload.h \
	src/daemon/rules_access.c \
	src/daemon/rules_access.h \
	src/daemon/selection.c \
	src/daemon/selection.h \
	src/daemon/set_command.c \
	src/daemon/set_command.h \
	src/daemon/steward.c \
	src/daemon/steward.h \
	src/daemon/system_calls.c \
	src/daemon/system_calls.h \
	src/daemon/sink.c \
	src/daemon/sink.h \
	src/daemon/top.c \
	src/daemon/top.h \
	src/daemon/tracing.c \
	src/daemon/tracing.h \
	src/daemon/trial.c \
	src/daemon/trial.h \
	src/daemon/views.c \
	src/daemon/views.h \
	src/daemon/worker.c \
	src/daemon/worker.h

if HAVE_HTTP
libhost_a_SOURCES += src/daemon/exporter.c
else
libhost_a_SOURCES += src/daemon/exporter_absent.c
endif
