// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/op/rows.h"

static void block(void *arg, size_t item, unsigned thread)
{
    const struct lte_rows *w = arg;
    const size_t from = item * LTE_ROW_BLOCK;
    const size_t to = from + LTE_ROW_BLOCK < w->exec->rows ? from + LTE_ROW_BLOCK : w->exec->rows;
    (void)thread;
    for (size_t r = from; r < to; r++)
        w->row(w->exec->kernels, w->op, w->y + r * w->y_stride, w->a + r * w->a_stride,
               w->b ? w->b + r * w->b_stride : NULL);
}

void lte_rows_run(struct lte_exec *x, const struct lte_op *op,
                  void (*row)(const struct lte_kernels *k, const struct lte_op *op, float *y,
                              const float *a, const float *b))
{
    const bool two = op->in[1] != LTE_NO_VALUE;
    struct lte_rows w = {.exec = x,
                         .op = op,
                         .a = lte_exec_value(x, op->in[0]),
                         .b = two ? lte_exec_value(x, op->in[1]) : NULL,
                         .y = lte_exec_value(x, op->out),
                         .a_stride = lte_exec_width(x, op->in[0]),
                         .b_stride = two ? lte_exec_width(x, op->in[1]) : 0,
                         .y_stride = lte_exec_width(x, op->out),
                         .row = row};
    lte_exec_for(x, (x->rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, block, &w);
}
