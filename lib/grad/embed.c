// SPDX-License-Identifier: BSD-2-Clause
// Gradient of embed: rows are added to those of the table. Tokens repeat, so a thread owns columns
// and takes the rows in order.
#include "config.h"

#include "lib/grad/grad.h"

enum { COLUMNS = 64 };

struct embed {
    const struct lte_exec *exec;
    const float *dy;
    float *table;
    size_t width;
};

static void columns(void *arg, size_t item, unsigned thread)
{
    const struct embed *e = arg;
    const size_t from = item * COLUMNS, n = e->width - from < COLUMNS ? e->width - from : COLUMNS;
    const uint32_t *token = e->exec->tokens + e->exec->first;
    (void)thread;
    for (size_t r = 0; r < e->exec->rows; r++) {
        float *to = e->table + token[r] * e->width + from;
        e->exec->kernels->add(to, to, e->dy + r * e->width + from, n);
    }
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const size_t width = op->embed.table.cols;
    struct embed e = {&t->exec, lte_tape_gradient(t, op->out),
                      lte_tape_weight_gradient(t, op->embed.table.data), width};
    if (e.table)
        lte_exec_for(e.exec, (width + COLUMNS - 1) / COLUMNS, columns, &e);
}

const struct lte_gradient lte_grad_embed = {.backward = backward};
