// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/op/rows.h"

static void take_block(void *arg, size_t item, unsigned thread)
{
    const struct lte_rows *w = arg;
    const size_t from = item * LTE_ROW_BLOCK;
    const size_t to = from + LTE_ROW_BLOCK < w->exec->rows ? from + LTE_ROW_BLOCK : w->exec->rows;
    (void)thread;
    w->block(w, from, to);
}

static void each_row(const struct lte_rows *w, size_t from, size_t to)
{
    for (size_t r = from; r < to; r++)
        w->row(w->exec->kernels, w->op, w->y + r * w->y_stride, w->a + r * w->a_stride,
               w->b ? w->b + r * w->b_stride : NULL);
}

static void run(struct lte_exec *x, const struct lte_op *op, struct lte_rows w)
{
    const bool two = op->in[1] != LTE_NO_VALUE;
    w.exec = x;
    w.op = op;
    w.a = lte_exec_value(x, op->in[0]);
    w.b = two ? lte_exec_value(x, op->in[1]) : NULL;
    w.y = lte_exec_value(x, op->out);
    w.a_stride = lte_exec_width(x, op->in[0]);
    w.b_stride = two ? lte_exec_width(x, op->in[1]) : 0;
    w.y_stride = lte_exec_width(x, op->out);
    lte_exec_for(x, (x->rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, take_block, &w);
}

void lte_rows_run(struct lte_exec *x, const struct lte_op *op,
                  void (*row)(const struct lte_kernels *k, const struct lte_op *op, float *y,
                              const float *a, const float *b))
{
    run(x, op, (struct lte_rows){.row = row, .block = each_row});
}

void lte_rows_run_blocks(struct lte_exec *x, const struct lte_op *op,
                         void (*block)(const struct lte_rows *rows, size_t from, size_t to))
{
    run(x, op, (struct lte_rows){.block = block});
}
