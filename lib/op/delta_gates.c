// SPDX-License-Identifier: BSD-2-Clause
// delta_gates: log decay = -exp(A_log) * softplus(a + dt_bias), beta = scale * sigmoid(b), in fp32.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static void gates_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                      const float *a, const float *b)
{
    const struct lte_delta_gates_op *g = &op->delta_gates;
    const size_t heads = g->heads;
    (void)b;
    k->add(y, a, g->dt_bias, heads);
    k->softplus(y, y, heads);
    for (size_t h = 0; h < heads; h++)
        y[h] *= g->neg_exp_A[h];
    k->sigmoid(y + heads, a + heads, heads);
    for (size_t h = 0; h < heads; h++)
        y[heads + h] *= g->beta_scale;
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gates_row);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    return in_width[0] == 2 * op->delta_gates.heads ? in_width[0] : 0;
}

const struct lte_op_row lte_op_delta_gates = {
    .name = "delta_gates",
    .width = width,
    .compute = compute,
    .gradient = &lte_grad_delta_gates};
