// SPDX-License-Identifier: BSD-2-Clause
// What the benches share: options, timing by medians of interleaved samples, rows of a table or
// JSON.
#ifndef LTE_BENCH_BENCH_H
#define LTE_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/context.h"

struct bench_options {
    bool json;          // one JSON object a line instead of a table
    bool quick;         // few short samples: to see that everything runs, not to measure
    const char *filter; // only rows whose "op shape" contains this
    const char *cpu;    // kernel level; NULL: the highest
    unsigned threads;   // 0: one per core
    size_t tokens;      // of a model's prompt; 0: as many as the bench takes
    const char *rest;   // the argument that is no option, or NULL
};
// Reads the command line; prints the usage and exits on --help or an unknown option. `rest` names
// the argument that is no option in the usage, NULL if there is none.
extern struct bench_options bench_options;
void bench_begin(int argc, char **argv, const char *what, const char *rest);
// A context for these options; prints why and exits if there is none.
struct lte_context *bench_open(void);
bool bench_wanted(const char *op, const char *shape);

// Seconds per call of each task: the median of at least 7 samples, each of at least 60 ms, taken in
// turn (A B C A B C ...) after a warm-up.
struct bench_task {
    void (*fn)(void *arg);
    void *arg;
    double seconds;
};
void bench_time(struct bench_task *task, size_t tasks);
double bench_now(void); // seconds, monotonic
// bench_time() counts the time of the calling thread only, not the time it is kept from the core.
void bench_cpu_time(bool on);
double bench_median(double *sample, size_t n); // sorts

// One measurement. Work is given per call; 0 where there is no sensible count (tokens: the call
// counts as one; below 0, there is no time per token).
struct bench_row {
    const char *op, *shape, *isa;
    unsigned threads;
    double seconds, tokens, flops, bytes;
    const char *roof;    // name, NULL for none
    double roof_gflops;  // the roof's height: of the two, the one that is not 0 counts
    double roof_gbs;
};
void bench_print(const struct bench_row *row);
void bench_title(const char *format, ...) __attribute__((format(printf, 1, 2))); // tables only

// Memory aligned to 2 MiB where it is that large, so that it may get large pages. Never NULL.
void *bench_alloc(size_t bytes);
// The same, filled with reproducible values in [-scale, scale).
float *bench_floats(size_t n, float scale);
void bench_free(void *memory);
void bench_free_all(void);

#endif
