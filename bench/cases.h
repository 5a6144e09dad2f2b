// SPDX-License-Identifier: BSD-2-Clause
// The kernels' benches: each subject adds its cases, bench_kernels.c runs them.
#ifndef LTE_BENCH_CASES_H
#define LTE_BENCH_CASES_H

#include "bench/roof.h"
#include "simd/table.h"

struct suite {
    struct lte_par *team;
    const struct lte_kernels *kernels;
};

// One measurement: fn(arg, item, thread) for all items is one call of the op, split over the
// threads as a model splits it; next(arg), if any, comes before each (other data, out of the
// cache).
struct bench_case {
    const char *op, *shape;
    size_t items;
    lte_par_fn *fn;
    void (*next)(void *arg);
    void *arg;
    double tokens, flops, bytes; // per call
    enum roof roof;
    const char *isa;             // NULL: the kernels' level
};
// Measures the cases in turn, so that they can be compared, and prints a row of each. They have one
// roof, the first one's; where that is one of memory and flops are counted too, the row is held
// against whichever of the two takes longer.
void suite_run(const struct suite *suite, const struct bench_case *bench_case, size_t cases);

void cases_delta(const struct suite *suite);
void cases_delta_grad(const struct suite *suite);
void cases_diag(const struct suite *suite);
void cases_train(const struct suite *suite);
void cases_linear(const struct suite *suite);
void cases_rows(const struct suite *suite);
void cases_backward(const struct suite *suite);
void cases_attend(const struct suite *suite);
void cases_attend_grad(const struct suite *suite);
void cases_router(const struct suite *suite);
void cases_sparse(const struct suite *suite);

#endif
