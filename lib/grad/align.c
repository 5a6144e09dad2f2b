// SPDX-License-Identifier: BSD-2-Clause
// Gradient of align, to the layer that learns alone: its losses are summed here.
#include "config.h"

#include "lib/grad/grad.h"

enum { ROWS = 16 };

struct align {
    const float *a, *b, *loss, *dy;
    float *da, scale;
    size_t rows, width;
};

static void add_up(const struct lte_tape *t, const struct lte_op *op)
{
    const float *loss = lte_exec_value(&t->exec, op->out);
    for (size_t r = 0; t->alignment && r < t->exec.rows; r++)
        t->alignment->sum += loss[r];
}

static void forward(struct lte_tape *t, const struct lte_op *op)
{
    lte_op_table[op->kind]->compute(&t->exec, op);
    if (!t->training)
        add_up(t, op);
}

// d|a - b| = (a - b) / |a - b|; where they are equal nothing pulls.
static void block(void *arg, size_t item, unsigned thread)
{
    const struct align *g = arg;
    const size_t end = (item + 1) * ROWS < g->rows ? (item + 1) * ROWS : g->rows;
    (void)thread;
    for (size_t r = item * ROWS; r < end; r++) {
        const float *a = g->a + r * g->width, *b = g->b + r * g->width;
        float *da = g->da + r * g->width;
        const float factor =
            g->loss[r] > 0 ? (g->scale + g->dy[r]) / (g->loss[r] * (float)g->width) : 0;
        for (size_t i = 0; i < g->width; i++)
            da[i] += factor * (a[i] - b[i]);
    }
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct align g = {.a = lte_exec_value(x, op->in[0]),
                      .b = lte_exec_value(x, op->in[1]),
                      .loss = lte_exec_value(x, op->out),
                      .dy = lte_tape_gradient(t, op->out),
                      .da = lte_tape_gradient(t, op->in[0]),
                      .scale = t->alignment ? t->alignment->scale : 0,
                      .rows = x->rows,
                      .width = lte_exec_width(x, op->in[0])};
    lte_exec_for(x, (g.rows + ROWS - 1) / ROWS, block, &g);
    add_up(t, op);
}

const struct lte_gradient lte_grad_align = {
    .reads = 1 | 2 | LTE_READS_OUT, .gives = 1, .forward = forward, .backward = backward};
