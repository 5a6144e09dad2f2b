// SPDX-License-Identifier: BSD-2-Clause
// step_gates: every head's time step, softplus(a + dt_bias) within limits, and before it the log
// decay over such a step, -exp(A_log) times it; in fp32.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static void gates_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                      const float *a, const float *unused)
{
    const struct lte_step_gates_op *g = &op->step_gates;
    float *step = y + g->heads;
    (void)unused;
    k->add(step, a, g->dt_bias, g->heads);
    k->softplus(step, step, g->heads);
    for (size_t h = 0; h < g->heads; h++) {
        step[h] = step[h] < g->low ? g->low : step[h] > g->high ? g->high : step[h];
        y[h] = g->neg_exp_A[h] * step[h];
    }
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gates_row);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    return in_width[0] == op->step_gates.heads ? 2 * in_width[0] : 0;
}

const struct lte_op_row lte_op_step_gates = {
    .name = "step_gates",
    .width = width,
    .compute = compute,
    .gradient = &lte_grad_step_gates};
