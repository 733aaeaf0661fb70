libengine_a_SOURCES += \
	src/rules/classify.h \
	src/rules/rangeset.h \
	src/rules/ruleset.h \
	src/rules/surroundings.h
