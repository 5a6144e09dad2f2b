// SPDX-License-Identifier: BSD-2-Clause
// Sparse selection: index keys, a scorer, the best few and some forced ones give a query the tokens
// that it attends to; simd/attend.h gathers them. What is selected is a unit of `pool` adjacent
// tokens with one index key: a block of native sparse attention, or with pool 1 a token.
#ifndef LTE_LIB_SPARSE_SELECT_H
#define LTE_LIB_SPARSE_SELECT_H

#include "lib/context.h"

struct lte_selector {
    size_t pool;           // tokens of a unit
    size_t top;            // units selected, forced ones among them
    size_t first, last;    // so many units at the beginning, and up to the query's own, are forced
    enum lte_index_rule rule;
    size_t heads, dim;     // of the index query
    float scale;
};

struct lte_select_query {
    uint64_t position;
    const float *q, *weight;      // as in simd/index.h
    size_t q_stride;
    const float *key;             // [(position + 1) / pool], of complete units
    size_t key_stride;
};

// Floats of scratch for queries before position `tokens`.
size_t lte_select_scratch(const struct lte_selector *selector, uint64_t tokens);
// Units to unit[top], rising; how many. A unit that is not complete has no index key: it is
// selected where it is forced, and where all are.
size_t lte_select(const struct lte_selector *selector, const struct lte_kernels *kernels,
                  const struct lte_select_query *query, float *scratch, uint32_t *unit);
// The last step of it alone, from the scores of all `units`.
size_t lte_select_best(const struct lte_selector *selector, const struct lte_kernels *kernels,
                       const float *score, size_t units, uint32_t *unit);
// The tokens of these units up to `position`, rising, to at[units * pool]; how many.
size_t lte_select_tokens(const struct lte_selector *selector, const uint32_t *unit, size_t units,
                         uint64_t position, uint32_t *at);

#endif
