libhost_a_SOURCES += \
	src/fastpath/fastpath.c \
	src/fastpath/fastpath.h \
	src/fastpath/load.h \
	src/fastpath/map_layout.h
EXTRA_DIST += src/fastpath/fastpath.bpf.c src/fastpath/load.c src/fastpath/absent.c
if HAVE_FASTPATH
libhost_a_SOURCES += src/fastpath/load.c

src/fastpath/fastpath.bpf.o: src/fastpath/fastpath.bpf.c src/fastpath/map_layout.h
	$(AM_V_GEN)$(MKDIR_P) src/fastpath && $(BPF_CLANG) $(BPF_TARGET_CFLAGS) $(BPF_CFLAGS) -c $(srcdir)/src/fastpath/fastpath.bpf.c -o $@
src/fastpath/libhost_a-load.$(OBJEXT): src/fastpath/fastpath.bpf.o
CLEANFILES += src/fastpath/fastpath.bpf.o
else
libhost_a_SOURCES += src/fastpath/absent.c
endif
