libengine_a_SOURCES += \
	src/rules/classify.c \
	src/rules/classify.h \
	src/rules/rangeset.h \
	src/rules/ruleset.h \
	src/rules/surroundings.c \
	src/rules/surroundings.h
