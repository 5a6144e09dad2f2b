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

// One row; `partial` is the vector of its block, to be added to, or NULL.
typedef void lte_partial_row_fn(void *arg, size_t row, unsigned thread, float *partial);

// Calls row() for all rows, blocks in parallel, the vectors in partial[blocks][floats] zeroed
// before. `partial` NULL: there are none.
void lte_partial_rows(const struct lte_exec *exec, float *partial, size_t floats,
                      lte_partial_row_fn *row, void *arg);

// to[i] += the sum over b of partial[b * stride + i], i < floats, b < blocks rising; in parallel.
// `to` NULL: nothing.
void lte_partial_add(const struct lte_exec *exec, float *to, const float *partial, size_t blocks,
                     size_t stride, size_t floats);

#endif
