libparser_a_SOURCES += \
	src/analysis/analysis.c \
	src/analysis/analysis.h \
	src/analysis/box.c \
	src/analysis/box.h \
	src/analysis/diff.c \
	src/analysis/diff.h \
	src/analysis/findings.c \
	src/analysis/findings.h \
	src/analysis/region.c \
	src/analysis/region.h \
	src/analysis/search.c \
	src/analysis/search.h \
	src/analysis/witness.c \
	src/analysis/witness.h
