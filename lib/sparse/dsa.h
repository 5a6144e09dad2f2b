// SPDX-License-Identifier: BSD-2-Clause
// DeepSeek sparse attention: how much queries want every earlier token, and their attention over
// those that they get. Inference and training differ in where keys lie.
#ifndef LTE_LIB_SPARSE_DSA_H
#define LTE_LIB_SPARSE_DSA_H

#include "lib/op.h"
#include "lib/sparse/select.h"

// Columns of the value that holds the indexer's projections.
static inline size_t lte_dsa_key_column(const struct lte_dsa_op *op)
{
    return op->index_heads * op->index_dim;
}
static inline size_t lte_dsa_weight_column(const struct lte_dsa_op *op)
{
    return (op->index_heads + 1) * op->index_dim;
}
static inline size_t lte_dsa_index_width(const struct lte_dsa_op *op)
{
    return lte_dsa_weight_column(op) + (op->rule == LTE_INDEX_RELU ? op->index_heads : 0);
}

// What each index head's product is multiplied with: weights / sqrt(heads * dim), or 1 / heads for
// all.
void lte_dsa_head_weights(const struct lte_dsa_op *op, const float *index, float *weight);

struct lte_dsa_index_keys {
    const void *keys;              // by position, `stride` elements apart
    size_t stride;
    enum lte_dtype type;
};

enum { LTE_DSA_RUN = 4 };          // queries that are scored together

struct lte_dsa_query {
    const float *index;            // its row of the indexer's value
    uint64_t position;
    float *score;                  // [position + 1]
};

// Scores of the keys [first, end) that a query sees, for `count` <= LTE_DSA_RUN queries. A score
// depends on its query and key alone, to the bit.
size_t lte_dsa_score_scratch(const struct lte_dsa_op *op); // bytes
void lte_dsa_score(const struct lte_dsa_op *op, const struct lte_kernels *kernels,
                   const struct lte_dsa_index_keys *keys, uint64_t first, uint64_t end,
                   const struct lte_dsa_query *query, size_t count, void *scratch);

struct lte_selector lte_dsa_selector(const struct lte_dsa_op *op);

// Keys of one key head, by position or at[].
struct lte_dsa_keys {
    const void *k, *v;             // `stride` elements apart
    size_t stride;
    enum lte_dtype type;
    const uint32_t *at, *from, *until; // as in simd/attend.h
    size_t keys;
};

// `count` queries, <= LTE_ATTEND_QUERIES, of the heads of that key head.
struct lte_dsa_rows {
    const float *q;
    float *o, *lse;                // lse NULL: unwanted
    size_t stride, lse_stride;     // of q and o
    size_t first, count;           // first as in simd/attend.h
};

void lte_dsa_attend(const struct lte_dsa_op *op, const struct lte_kernels *kernels,
                    const struct lte_dsa_keys *keys, const struct lte_dsa_rows *rows, float *scratch);

#endif
