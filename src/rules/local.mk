libengine_a_SOURCES += \
	src/rules/classifier.c \
	src/rules/classifier.h \
	src/rules/classify.c \
	src/rules/classify.h \
	src/rules/dns_set.c \
	src/rules/dns_set.h \
	src/rules/dynamic_set.c \
	src/rules/dynamic_set.h \
	src/rules/failure.c \
	src/rules/failure.h \
	src/rules/member.c \
	src/rules/member.h \
	src/rules/mismatch.c \
	src/rules/mismatch.h \
	src/rules/moving.c \
	src/rules/moving.h \
	src/rules/projection.c \
	src/rules/projection.h \
	src/rules/rangeset.c \
	src/rules/rangeset.h \
	src/rules/ranks.c \
	src/rules/ranks.h \
	src/rules/ruleset.c \
	src/rules/ruleset.h \
	src/rules/surroundings.c \
	src/rules/surroundings.h
