// SPDX-License-Identifier: BSD-2-Clause
// Row-wise ops: blocks of rows are the unit that threads take.
#ifndef LTE_LIB_OP_ROWS_H
#define LTE_LIB_OP_ROWS_H

#include "lib/exec.h"

enum { LTE_ROW_BLOCK = 16 };

// What a row-wise op works on: rows of in[0] and in[1] (NULL if unused) into rows of out.
struct lte_rows {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *a, *b;
    float *y;
    size_t a_stride, b_stride, y_stride;
    void (*row)(const struct lte_kernels *k, const struct lte_op *op, float *y, const float *a,
                const float *b);
    void (*block)(const struct lte_rows *rows, size_t from, size_t to);
};

// y = x less its mean; y may be x.
static inline void lte_center(float *y, const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    const float mean = (float)(sum / (double)n);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] - mean;
}

// Calls `row` for every row, in parallel.
void lte_rows_run(struct lte_exec *exec, const struct lte_op *op,
                  void (*row)(const struct lte_kernels *k, const struct lte_op *op, float *y,
                              const float *a, const float *b));
// Calls `block` for rows [from, to), at most LTE_ROW_BLOCK at once, in parallel.
void lte_rows_run_blocks(struct lte_exec *exec, const struct lte_op *op,
                         void (*block)(const struct lte_rows *rows, size_t from, size_t to));

#endif
