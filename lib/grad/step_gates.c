// SPDX-License-Identifier: BSD-2-Clause
// Gradient of step_gates. With u = a + dt_bias, t = softplus(u) within limits, g = A t and A =
// -exp(A_log): dA = dg t, da = d dt_bias = (dt + A dg) sigmoid(u), or 0 beyond the limits.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct gates {
    const struct lte_exec *exec;
    const struct lte_step_gates_op *op;
    const float *dy, *a;
    float *da;
};

// partial: [2][heads], of A and of dt_bias.
static void row(void *arg, size_t r, unsigned thread, float *partial)
{
    const struct gates *g = arg;
    const struct lte_step_gates_op *op = g->op;
    const struct lte_kernels *k = g->exec->kernels;
    const size_t n = op->heads;
    const float *dg = g->dy + r * 2 * n, *dstep = dg + n;
    float *step = lte_exec_scratch(g->exec, thread), *slope = step + n, *da = g->da + r * n;
    k->add(slope, g->a + r * n, op->dt_bias, n);
    k->softplus(step, slope, n);
    k->sigmoid(slope, slope, n);
    for (size_t h = 0; h < n; h++) {
        const bool below = step[h] < op->low, above = step[h] > op->high;
        const float t = below ? op->low : above ? op->high : step[h];
        const float du =
            below || above ? 0 : (dstep[h] + dg[h] * op->neg_exp_A[h]) * slope[h];
        da[h] += du;
        partial[h] += dg[h] * t;
        partial[n + h] += du;
    }
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct gates g = {.exec = x,
                      .op = &op->step_gates,
                      .dy = lte_tape_gradient(t, op->out),
                      .a = lte_exec_value(x, op->in[0]),
                      .da = lte_tape_gradient(t, op->in[0])};
    float *partial = lte_exec_shared(x), *dA = lte_tape_weight_gradient(t, g.op->neg_exp_A);
    const size_t blocks = lte_partial_blocks(x->rows), n = g.op->heads;
    lte_partial_rows(x, partial, 2 * n, row, &g);
    lte_partial_add(x, dA, partial, blocks, 2 * n, n);
    lte_partial_add(x, lte_tape_weight_gradient(t, g.op->dt_bias), partial + n, blocks, 2 * n, n);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)kernels;
    *shared = lte_partial_bytes(limits->rows, 2 * op->step_gates.heads);
    *each = 2 * op->step_gates.heads * sizeof(float);
}

const struct lte_gradient lte_grad_step_gates = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
