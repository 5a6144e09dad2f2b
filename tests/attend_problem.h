// SPDX-License-Identifier: BSD-2-Clause
// Random calls of the attention kernel, for its check.
#ifndef LTE_TESTS_ATTEND_PROBLEM_H
#define LTE_TESTS_ATTEND_PROBLEM_H

#include "lte/base.h"
#include "simd/attend.h"

enum { PROBLEM_SPANS = 4, PROBLEM_DIM = 300 };

struct problem {
    struct lte_attend_args a;
    struct lte_kv_span span[PROBLEM_SPANS];
    enum lte_dtype type;
    size_t o_size, lse_size;         // floats of o and lse
    double tolerance, lse_tolerance; // what the contract allows
};

struct problem_shape {
    enum lte_dtype type;
    size_t first, count, group, dim, spans, keys; // each span has fewer than `keys` keys
};

// All memory is guarded (check.h), and NaN where the kernel has no business: the gaps between rows,
// keys that no query sees, scratch memory.
void problem_make(struct problem *p, const struct problem_shape *shape);

#endif
