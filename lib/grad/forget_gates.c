// SPDX-License-Identifier: BSD-2-Clause
// Gradient of forget_gates. With s = sigmoid(f), a = lower + (1 - lower) s, g = log a and k = 1 -
// a: df = (1 - lower) s (1 - s) (dg / a - dk), dlower = (1 - s) (dg / a - dk). Where the bound is
// 0, s / a is 1, and no factor is larger than what it multiplies.
#include "config.h"

#include <float.h>

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct gates {
    const struct lte_exec *exec;
    const struct lte_forget_gates_op *op;
    const float *dy, *f;
    float *df;
};

// dlower: NULL, if the bound has no gradient.
static void row(void *arg, size_t r, unsigned thread, float *dlower)
{
    const struct gates *g = arg;
    float *work = lte_exec_scratch(g->exec, thread); // [2][channels]
    const size_t n = g->op->channels;
    const float *f = g->f + r * n, *dg = g->dy + r * 2 * n, *dk = dg + n;
    float *df = g->df + r * n, *s = work, *rest = work + n;
    g->exec->kernels->sigmoid(s, f, n);
    for (size_t i = 0; i < n; i++)
        rest[i] = -f[i];
    g->exec->kernels->sigmoid(rest, rest, n);
    for (size_t i = 0; i < n; i++) {
        const float lower = g->op->lower ? g->op->lower[i] : 0, open = 1 - lower;
        const float a = lower + open * s[i];
        const float ratio = lower <= 0 || a < FLT_MIN ? 1 : open * s[i] / a;
        df[i] += rest[i] * (dg[i] * ratio - dk[i] * open * s[i]);
        if (dlower)
            dlower[i] += rest[i] * ((a < FLT_MIN ? 0 : dg[i] / a) - dk[i]);
    }
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    const float *lower = op->forget_gates.lower;
    float *dlower = lower ? lte_tape_weight_gradient(t, lower) : NULL;
    struct gates g = {.exec = x,
                      .op = &op->forget_gates,
                      .dy = lte_tape_gradient(t, op->out),
                      .f = lte_exec_value(x, op->in[0]),
                      .df = lte_tape_gradient(t, op->in[0])};
    float *partial = dlower ? lte_exec_shared(x) : NULL; // [blocks][channels]
    const size_t blocks = lte_partial_blocks(x->rows), n = op->forget_gates.channels;
    lte_partial_rows(x, partial, n, row, &g);
    lte_partial_add(x, dlower, partial, blocks, n, n);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const size_t n = op->forget_gates.channels;
    (void)kernels;
    *shared = op->forget_gates.lower ? lte_partial_bytes(limits->rows, n) : 0;
    *each = 2 * n * sizeof(float);
}

const struct lte_gradient lte_grad_forget_gates = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
