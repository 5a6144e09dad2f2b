# Benches are built and run by `make bench`, not by `make`. BENCH_FLAGS reaches each of them: --json,
# --filter TEXT, --threads N, --cpu LEVEL.
BENCHES = bench_par
EXTRA_PROGRAMS += $(BENCHES)
EXTRA_LTLIBRARIES += libbench.la
BENCH_LIBS = libbench.la libltecore.la

libbench_la_SOURCES = %D%/bench.c %D%/bench.h

bench_par_SOURCES = %D%/bench_par.c
bench_par_LDADD = $(BENCH_LIBS)

bench: $(BENCHES)
	@for program in $(BENCHES); do ./$$program $(BENCH_FLAGS) || exit 1; done
.PHONY: bench
EXTRA_DIST += %D%/configs/lalte-0.4b.json %D%/configs/lalte-1.4b.json
