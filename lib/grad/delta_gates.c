// SPDX-License-Identifier: BSD-2-Clause
// Gradient of delta_gates. With u = a + dt_bias, g = A softplus(u) and A = -exp(A_log):
// dA = dg softplus(u), da = d dt_bias = dg A sigmoid(u); with a lower bound, g = bound s and
// s = sigmoid(-A u): dA = -dg bound s (1 - s) u, da = -dg bound s (1 - s) A; with beta = scale s,
// s = sigmoid(b): db = dbeta scale s (1 - s). Each factor is finite wherever its input is.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct gates {
    const struct lte_exec *exec;
    const struct lte_delta_gates_op *op;
    const float *dy, *in;
    float *din;
    size_t channels;          // of all heads
};

// `work` is [2][channels]: what g is a product of, and its slope. `da` and those below are of a
// row.
static void decays_back(const struct gates *g, const float *a, const float *dg, float *da,
                        float *work, float *partial)
{
    const struct lte_delta_gates_op *op = g->op;
    const struct lte_kernels *k = g->exec->kernels;
    float *value = work, *slope = work + g->channels;
    k->add(slope, a, op->dt_bias, g->channels);
    k->softplus(value, slope, g->channels);
    k->sigmoid(slope, slope, g->channels);
    for (size_t i = 0; i < g->channels; i++) {
        const size_t h = i / op->channels;
        const float du = dg[i] * op->neg_exp_A[h] * slope[i];
        da[i] += du;
        partial[h] += dg[i] * value[i];
        partial[op->heads + i] += du;
    }
}

static void bounded_back(const struct gates *g, const float *a, const float *dg, float *da,
                         float *work, float *partial)
{
    const struct lte_delta_gates_op *op = g->op;
    float *u = work, *s = work + g->channels;
    g->exec->kernels->add(u, a, op->dt_bias, g->channels);
    for (size_t i = 0; i < g->channels; i++)
        s[i] = -op->neg_exp_A[i / op->channels] * u[i];
    g->exec->kernels->sigmoid(s, s, g->channels);
    for (size_t i = 0; i < g->channels; i++) {
        const size_t h = i / op->channels;
        const float slope = -dg[i] * op->lower_bound * (s[i] * (1 - s[i]));
        const float du = slope * op->neg_exp_A[h];
        da[i] += du;
        partial[h] += slope * u[i];
        partial[op->heads + i] += du;
    }
}

// partial: [heads + channels], of A and of dt_bias.
static void row(void *arg, size_t r, unsigned thread, float *partial)
{
    const struct gates *g = arg;
    float *work = lte_exec_scratch(g->exec, thread);
    const struct lte_delta_gates_op *op = g->op;
    const size_t at = r * (g->channels + op->heads), b = at + g->channels;
    if (op->neg_exp_A)
        (op->lower_bound < 0 ? bounded_back : decays_back)(g, g->in + at, g->dy + at, g->din + at,
                                                           work, partial);
    g->exec->kernels->sigmoid(work, g->in + b, op->heads);
    for (size_t h = 0; h < op->heads; h++)
        g->din[b + h] += g->dy[b + h] * op->beta_scale * (work[h] * (1 - work[h]));
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct gates g = {.exec = x,
                      .op = &op->delta_gates,
                      .dy = lte_tape_gradient(t, op->out),
                      .in = lte_exec_value(x, op->in[0]),
                      .din = lte_tape_gradient(t, op->in[0]),
                      .channels = op->delta_gates.heads * op->delta_gates.channels};
    const size_t blocks = lte_partial_blocks(x->rows), heads = g.op->heads;
    const size_t floats = heads + g.channels;
    float *partial = lte_exec_shared(x);
    lte_partial_rows(x, partial, floats, row, &g);
    if (!g.op->neg_exp_A)
        return;
    lte_partial_add(x, lte_tape_weight_gradient(t, g.op->neg_exp_A), partial, blocks, floats, heads);
    lte_partial_add(x, lte_tape_weight_gradient(t, g.op->dt_bias), partial + heads, blocks, floats,
                    g.channels);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_delta_gates_op *g = &op->delta_gates;
    (void)kernels;
    *shared = lte_partial_bytes(limits->rows, g->heads * (g->channels + 1));
    *each = 2 * g->heads * g->channels * sizeof(float);
}

const struct lte_gradient lte_grad_delta_gates = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
