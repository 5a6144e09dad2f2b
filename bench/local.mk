# Benches are built and run by `make bench`, not by `make`. BENCH_FLAGS reaches each of them: --json,
# --quick, --filter TEXT, --threads N, --cpu LEVEL. BENCH_MODEL is the folder of a model.
BENCHES = bench_par bench_kernels
EXTRA_PROGRAMS += $(BENCHES) bench_model bench_loops
BENCH_MODEL = $(top_srcdir)/data/lalte-tiny

# The probes of the machine's limits: as with the kernels, one library per instruction set.
PROBES = libprobe_portable.la
EXTRA_LTLIBRARIES += libbench.la libprobe_portable.la
libprobe_portable_la_SOURCES = %D%/probe_portable.c %D%/probe.h %D%/probe_body.h
libprobe_portable_la_CFLAGS = $(AM_CFLAGS)
if HAVE_AVX2
PROBES += libprobe_avx2.la
EXTRA_LTLIBRARIES += libprobe_avx2.la
libprobe_avx2_la_SOURCES = %D%/probe_avx2.c
libprobe_avx2_la_CFLAGS = $(AM_CFLAGS) $(AVX2_CFLAGS)
endif
if HAVE_AVX512
PROBES += libprobe_avx512.la
EXTRA_LTLIBRARIES += libprobe_avx512.la
libprobe_avx512_la_SOURCES = %D%/probe_avx512.c
libprobe_avx512_la_CFLAGS = $(AM_CFLAGS) $(AVX512_CFLAGS)
endif
if HAVE_NEON
PROBES += libprobe_neon.la
EXTRA_LTLIBRARIES += libprobe_neon.la
libprobe_neon_la_SOURCES = %D%/probe_neon.c
libprobe_neon_la_CFLAGS = $(AM_CFLAGS) $(NEON_CFLAGS)
endif

libbench_la_SOURCES = %D%/bench.c %D%/bench.h %D%/roof.c %D%/roof.h
libbench_la_LIBADD = $(PROBES)
BENCH_LIBS = libbench.la libltecore.la
# automake does not clean what is EXTRA
CLEANFILES += $(BENCHES) bench_model bench_loops libbench.la $(PROBES)

bench_par_SOURCES = %D%/bench_par.c
bench_par_LDADD = $(BENCH_LIBS)

bench_kernels_SOURCES = %D%/bench_kernels.c %D%/cases.h %D%/case_attend.c %D%/case_attend_grad.c \
  %D%/case_backward.c %D%/case_delta.c %D%/case_delta_grad.c %D%/case_linear.c \
  %D%/case_router.c %D%/case_rows.c %D%/case_sparse.c
bench_kernels_SOURCES += \
  %D%/case_diag.c \
  %D%/case_train.c
bench_kernels_LDADD = $(BENCH_LIBS)

bench_model_SOURCES = %D%/bench_model.c
bench_model_LDADD = $(BENCH_LIBS)

bench_loops_SOURCES = %D%/bench_loops.c
bench_loops_LDADD = $(BENCH_LIBS)

# Not part of `make bench`: for machines with a device.
if HAVE_VULKAN
EXTRA_PROGRAMS += bench_vulkan
CLEANFILES += bench_vulkan
bench_vulkan_SOURCES = %D%/bench_vulkan.c %D%/vulkan_roof.c %D%/vulkan_roof.h
bench_vulkan_LDADD = $(BENCH_LIBS)
%D%/vulkan_roof.$(OBJEXT): %D%/fma.spv.h %D%/stream.spv.h
BENCH_DEVICE = bench_vulkan
endif
EXTRA_DIST += %D%/fma.comp %D%/fma.spv.h %D%/stream.comp %D%/stream.spv.h
MAINTAINERCLEANFILES += %D%/fma.spv.h %D%/stream.spv.h

bench: $(BENCHES) bench_model
	@for program in $(BENCHES); do ./$$program $(BENCH_FLAGS) || exit 1; done
	@./bench_model $(BENCH_FLAGS) $(BENCH_MODEL)
# Built by `make check`, so that they keep up with what they measure.
check-local: $(BENCHES) bench_model bench_loops $(BENCH_DEVICE)
.PHONY: bench
EXTRA_DIST += %D%/configs/delta-16x128.json \
  %D%/configs/lalte-0.4b.json %D%/configs/lalte-0.7m.json %D%/configs/lalte-1.4b.json \
  %D%/loops.svg %D%/plot_loops.py
EXTRA_DIST += %D%/convert/README.md %D%/convert/ouro.json %D%/convert/run.sh
EXTRA_DIST += %D%/recall/README.md %D%/recall/first.json.in %D%/recall/full.json %D%/recall/gdn.json \
  %D%/recall/lte.json %D%/recall/run.sh %D%/recall/second.json.in %D%/recall/short.json \
  %D%/recall/window.json
EXTRA_DIST += %D%/shipped/README.md %D%/shipped/full.json %D%/shipped/lte.json \
  %D%/shipped/prose.json.in %D%/shipped/recall.json.in %D%/shipped/run.sh
