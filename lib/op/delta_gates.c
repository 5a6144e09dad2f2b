// SPDX-License-Identifier: BSD-2-Clause
// delta_gates: log decay = -exp(A_log) * softplus(a + dt_bias), beta = scale * sigmoid(b), in fp32;
// or, with a lower bound, log decay = bound * sigmoid(exp(A_log) * (a + dt_bias)).
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static void decays(const struct lte_kernels *k, const struct lte_delta_gates_op *g, float *y,
                   const float *a)
{
    const size_t n = g->heads * g->channels;
    k->add(y, a, g->dt_bias, n);
    if (g->lower_bound < 0)
        for (size_t i = 0; i < n; i++)
            y[i] *= -g->neg_exp_A[i / g->channels];
    (g->lower_bound < 0 ? k->sigmoid : k->softplus)(y, y, n);
    for (size_t h = 0, i = 0; h < g->heads; h++) {
        const float scale = g->lower_bound < 0 ? g->lower_bound : g->neg_exp_A[h];
        for (size_t c = 0; c < g->channels; c++)
            y[i++] *= scale;
    }
}

static void gates_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                      const float *a, const float *b)
{
    const struct lte_delta_gates_op *g = &op->delta_gates;
    const size_t first = g->heads * g->channels; // of the betas
    (void)b;
    if (g->neg_exp_A)
        decays(k, g, y, a);
    else
        memset(y, 0, first * sizeof *y);
    k->sigmoid(y + first, a + first, g->heads);
    for (size_t h = 0; h < g->heads; h++)
        y[first + h] *= g->beta_scale;
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gates_row);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_delta_gates_op *g = &op->delta_gates;
    return in_width[0] == g->heads * (g->channels + 1) ? in_width[0] : 0;
}

const struct lte_op_row lte_op_delta_gates = {
    .name = "delta_gates",
    .width = width,
    .compute = compute,
    .gradient = &lte_grad_delta_gates};
