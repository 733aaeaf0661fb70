spidctl_SOURCES += \
	src/ctl/failure.c \
	src/ctl/failure.h \
	src/ctl/field.c \
	src/ctl/field.h \
	src/ctl/packets.c \
	src/ctl/packets.h \
	src/ctl/trial.c \
	src/ctl/trial.h
