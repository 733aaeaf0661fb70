libengine_a_SOURCES += \
	src/engine/engine.h \
	src/engine/selftest.h
