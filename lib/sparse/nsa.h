// SPDX-License-Identifier: BSD-2-Clause
// Native sparse attention of some queries over the keys of one key head: mean-pooled blocks,
// selected blocks, sliding window. Inference and training differ in where the keys lie.
#ifndef LTE_LIB_SPARSE_NSA_H
#define LTE_LIB_SPARSE_NSA_H

#include "lib/op.h"
#include "lib/sparse/select.h"

enum lte_nsa_branch { LTE_NSA_POOLED, LTE_NSA_SELECTED, LTE_NSA_WINDOW, LTE_NSA_BRANCHES };

// By position; the keys of all queries are there.
struct lte_nsa_keys {
    const void *k, *v;             // of `type`, `stride` elements apart
    size_t stride;
    enum lte_dtype type;
    const float *pool_k, *pool_v;  // [complete blocks][head_dim]: means
};

// Tokens position, position + 1, ... and the query heads of one key head.
struct lte_nsa_queries {
    const float *q;                // as in simd/attend.h
    size_t q_stride;
    uint64_t position;
    size_t count;                  // <= LTE_ATTEND_QUERIES
    float *o[LTE_NSA_BRANCHES];    // each [count][o_stride]
    size_t o_stride;
    float *lse[LTE_NSA_BRANCHES];  // NULL: unwanted
    size_t lse_stride;
    uint32_t *unit;                // [count][units], unit_stride apart: the selected blocks,
    size_t unit_stride, units;     // UINT32_MAX after them; unit NULL: unwanted
};

struct lte_selector lte_nsa_selector(const struct lte_nsa_op *op);

// Bytes of scratch where no position reaches `tokens`.
size_t lte_nsa_scratch(const struct lte_nsa_op *op, uint64_t tokens);
void lte_nsa_attend(const struct lte_nsa_op *op, const struct lte_kernels *kernels,
                    const struct lte_nsa_keys *keys, const struct lte_nsa_queries *queries,
                    void *scratch);
// Means of complete blocks [first, end) of head_dim-wide rows; `row` is scratch of head_dim floats.
void lte_nsa_pool(const struct lte_nsa_op *op, const struct lte_kernels *kernels, const void *rows,
                  size_t stride, enum lte_dtype type, uint64_t first, uint64_t end, float *pool,
                  float *row);
// out[heads of the key head][head_dim] = sum over branches of sig(gate) * o; `gate` has the logits.
void lte_nsa_mix(const struct lte_nsa_op *op, const struct lte_kernels *kernels, const float *gate,
                 const float *const o[LTE_NSA_BRANCHES], float *out);

#endif
