// SPDX-License-Identifier: BSD-2-Clause
// Times of the attention kernel of one level, beside what the machine can do.
#ifndef LTE_TESTS_ATTEND_BENCH_H
#define LTE_TESTS_ATTEND_BENCH_H

#include "simd/table.h"

void attend_bench(const struct lte_kernels *k, const char *level);

#endif
