// SPDX-License-Identifier: BSD-2-Clause
// Gradient of loop_gate.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct gate {
    const struct lte_kernels *kernels;
    const struct lte_loop_gate_op *op;
    const float *dy, *start;
    float *dx, *dstart;
    size_t width, start_width;
};

// One number's gradient is a sum over all channels: in double, which one block's order fixes.
static void add_one(float *dw, const float *dy, const float *start, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)dy[i] * start[i];
    *dw += (float)sum;
}

static void add_each(float *dw, const float *dy, const float *start, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dw[i] += dy[i] * start[i];
}

// dw: NULL, if the weight has no gradient.
static void row(void *arg, size_t r, unsigned thread, float *dw)
{
    const struct gate *g = arg;
    const size_t width = g->width;
    const float *w = g->op->weight;
    const float *dy = g->dy + r * width, *start = g->start + r * g->start_width;
    float *dstart = g->dstart + r * g->start_width;
    (void)thread;
    g->kernels->add(g->dx + r * width, g->dx + r * width, dy, width);
    for (size_t i = 0; i < width; i++)
        dstart[i] += (g->op->one ? *w : w[i]) * dy[i];
    if (dw)
        (g->op->one ? add_one : add_each)(dw, dy, start, width);
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    float *dw = lte_tape_weight_gradient(t, op->loop_gate.weight);
    struct gate g = {.kernels = x->kernels,
                     .op = &op->loop_gate,
                     .dy = lte_tape_gradient(t, op->out),
                     .start = lte_exec_value(x, op->in[1]),
                     .dx = lte_tape_gradient(t, op->in[0]),
                     .dstart = lte_tape_gradient(t, op->in[1]),
                     .width = lte_exec_width(x, op->out),
                     .start_width = lte_exec_width(x, op->in[1])};
    const size_t blocks = lte_partial_blocks(x->rows), parts = op->loop_gate.one ? 1 : g.width;
    float *partial = dw ? lte_exec_shared(x) : NULL; // [blocks][parts]
    lte_partial_rows(x, partial, parts, row, &g);
    lte_partial_add(x, dw, partial, blocks, parts, parts);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)kernels;
    *shared = lte_partial_bytes(limits->rows, op->loop_gate.one ? 1 : op->loop_gate.width);
    *each = 0;
}

const struct lte_gradient lte_grad_loop_gate = {
    .reads = 2, .gives = 1 | 2, .scratch = scratch, .backward = backward};
