// SPDX-License-Identifier: BSD-2-Clause
// Sums over rows that have the same bits for any number of threads: each block of rows adds into a
// vector of its own, and the vectors are then added up in order.
#ifndef LTE_LIB_GRAD_PARTIAL_H
#define LTE_LIB_GRAD_PARTIAL_H

#include "lib/exec.h"

enum { LTE_PARTIAL_ROWS = 32 }; // fixed: the result depends on it

static inline size_t lte_partial_blocks(size_t rows)
{
    return (rows + LTE_PARTIAL_ROWS - 1) / LTE_PARTIAL_ROWS;
}

// Bytes of the vectors of all blocks.
static inline size_t lte_partial_bytes(size_t rows, size_t floats)
{
    return lte_partial_blocks(rows) * floats * sizeof(float);
}

// to[i] += the sum over b of partial[b][i], i < floats, b < blocks rising; in parallel.
void lte_partial_add(const struct lte_exec *exec, float *to, const float *partial, size_t blocks,
                     size_t floats);

#endif
