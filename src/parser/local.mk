libparser_a_SOURCES += \
	src/parser/diagnostic.h \
	src/parser/parser.h
