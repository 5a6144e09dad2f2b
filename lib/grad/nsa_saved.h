// SPDX-License-Identifier: BSD-2-Clause
// What native sparse attention keeps from its forward to its backward pass.
#ifndef LTE_LIB_GRAD_NSA_SAVED_H
#define LTE_LIB_GRAD_NSA_SAVED_H

#include "lib/grad/grad.h"
#include "lib/sparse/nsa.h"

struct lte_nsa_saved {
    float *o[LTE_NSA_BRANCHES];   // [rows][heads][head_dim]
    float *lse[LTE_NSA_BRANCHES]; // [rows][heads]
    float *pool[2];               // [key_heads][blocks][head_dim]: means of k and of v
    size_t blocks;                // those of a sequence begin at its first row / block size
    uint32_t *unit;               // [rows][key_heads][units]: selected, as in lte_nsa_queries
    size_t units;
};

// Bytes; with `memory` non-NULL also fills *saved.
static inline size_t lte_nsa_saved_carve(const struct lte_nsa_op *op,
                                         const struct lte_tape_limits *limits, void *memory,
                                         struct lte_nsa_saved *saved)
{
    const size_t rows = limits->rows, blocks = rows / op->block;
    const size_t units = op->top < blocks + 1 ? op->top : blocks + 1;
    const size_t o = rows * op->heads * op->head_dim, lse = rows * op->heads;
    const size_t pool = op->key_heads * blocks * op->head_dim;
    const size_t floats = LTE_NSA_BRANCHES * (o + lse) + 2 * pool;
    if (memory) {
        float *p = memory;
        for (size_t b = 0; b < LTE_NSA_BRANCHES; b++) {
            saved->o[b] = p + b * o;
            saved->lse[b] = p + LTE_NSA_BRANCHES * o + b * lse;
        }
        saved->pool[0] = p + LTE_NSA_BRANCHES * (o + lse);
        saved->pool[1] = saved->pool[0] + pool;
        saved->blocks = blocks;
        saved->unit = (uint32_t *)memory + floats;
        saved->units = units;
    }
    return (floats + rows * op->key_heads * units) * sizeof(float);
}

#endif
