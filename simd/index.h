// SPDX-License-Identifier: BSD-2-Clause
// How much one query wants each index key of a sparse attention: what a selection goes by.
#ifndef LTE_SIMD_INDEX_H
#define LTE_SIMD_INDEX_H

#include <stddef.h>

// With a[h][c] = q[h] . k[c]:
enum lte_index_rule {
    LTE_INDEX_SOFTMAX, // score[c] = sum_h softmax over c of scale * a[h][c]
    LTE_INDEX_RELU,    // score[c] = sum_h weight[h] * max(a[h][c], 0)
    LTE_INDEX_DOT      // score[c] = sum_h weight[h] * a[h][c]
};

// A score's bits depend on the query and, but for SOFTMAX, on its own key alone: not on how many
// tokens a call has. Tolerance against the reference (double), with A the largest |q[h]| |k[c]|:
// SOFTMAX 1e-6 * heads * (1 + scale * A), else 1e-6 * sum_h |weight[h]| * A.
struct lte_index_args {
    enum lte_index_rule rule;
    const float *q;      // [heads][dim], q_stride floats from a head to the next
    const float *k;      // [keys][dim], k_stride floats from a key to the next
    const float *weight; // [heads]; not read by SOFTMAX
    size_t q_stride, k_stride;
    size_t heads, keys, dim;
    float scale;         // SOFTMAX
    float *score;        // [keys]; overlaps nothing
    float *scratch;      // lte_index_scratch(keys) floats, 64-byte aligned
};
typedef void lte_index_fn(const struct lte_index_args *args);

enum { LTE_INDEX_HEADS = 4 }; // whose products are kept at a time
static inline size_t lte_index_scratch(size_t keys)
{
    return LTE_INDEX_HEADS * ((keys + 15) / 16 * 16);
}

#endif
