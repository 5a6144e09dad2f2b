// SPDX-License-Identifier: BSD-2-Clause
// Gradient of delta_gates. With u = a + dt_bias, g = A softplus(u) and A = -exp(A_log):
// dA = dg softplus(u), da = d dt_bias = dg A sigmoid(u); with beta = scale s, s = sigmoid(b):
// db = dbeta scale s (1 - s). Each factor is finite wherever its input is.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct gates {
    const struct lte_exec *exec;
    const struct lte_delta_gates_op *op;
    const float *dy, *in;
    float *din, *partial;     // partial: [blocks][2 heads], of A and of dt_bias
};

// `work` is [3 heads]: softplus(u) and the two sigmoids.
static void row(const struct gates *g, size_t r, float *work, float *partial)
{
    const struct lte_delta_gates_op *op = g->op;
    const struct lte_kernels *k = g->exec->kernels;
    const size_t heads = op->heads, at = r * 2 * heads;
    float *softplus = work, *open = work + heads, *beta = open + heads;
    k->add(open, g->in + at, op->dt_bias, heads);
    k->softplus(softplus, open, heads);
    k->sigmoid(open, open, heads);
    k->sigmoid(beta, g->in + at + heads, heads);
    for (size_t h = 0; h < heads; h++) {
        const float dg = g->dy[at + h], du = dg * op->neg_exp_A[h] * open[h];
        g->din[at + h] += du;
        g->din[at + heads + h] +=
            g->dy[at + heads + h] * op->beta_scale * (beta[h] * (1 - beta[h]));
        partial[h] += dg * softplus[h];
        partial[heads + h] += du;
    }
}

static void block(void *arg, size_t item, unsigned thread)
{
    const struct gates *g = arg;
    const size_t heads = g->op->heads, from = item * LTE_PARTIAL_ROWS, rows = g->exec->rows;
    const size_t to = from + LTE_PARTIAL_ROWS < rows ? from + LTE_PARTIAL_ROWS : rows;
    float *partial = g->partial + item * 2 * heads;
    memset(partial, 0, 2 * heads * sizeof *partial);
    for (size_t r = from; r < to; r++)
        row(g, r, lte_exec_scratch(g->exec, thread), partial);
}

// Adds columns `from`.. of the partial sums.
static void sum_blocks(const struct gates *g, float *to, size_t from)
{
    const size_t heads = g->op->heads, blocks = lte_partial_blocks(g->exec->rows);
    for (size_t b = 0; to && b < blocks; b++)
        g->exec->kernels->add(to, to, g->partial + b * 2 * heads + from, heads);
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct gates g = {.exec = x,
                      .op = &op->delta_gates,
                      .dy = lte_tape_gradient(t, op->out),
                      .in = lte_exec_value(x, op->in[0]),
                      .din = lte_tape_gradient(t, op->in[0]),
                      .partial = lte_exec_shared(x)};
    lte_exec_for(x, lte_partial_blocks(x->rows), block, &g);
    sum_blocks(&g, lte_tape_weight_gradient(t, g.op->neg_exp_A), 0);
    sum_blocks(&g, lte_tape_weight_gradient(t, g.op->dt_bias), g.op->heads);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)kernels;
    *shared = lte_partial_bytes(limits->rows, 2 * op->delta_gates.heads);
    *each = 3 * op->delta_gates.heads * sizeof(float);
}

const struct lte_gradient lte_grad_delta_gates = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
