// SPDX-License-Identifier: BSD-2-Clause
// forget_gates: from f of every channel its log decay, log(lower + (1 - lower) sigmoid(f)), and
// behind these what the channel lets in, 1 minus the decay: the key of HGRN2.
#include "config.h"

#include <float.h>
#include <math.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

// log sigmoid(f) = -softplus(-f), of which no f makes less than f itself.
static void free_decays(const struct lte_kernels *k, float *decay, size_t n)
{
    k->softplus(decay, decay, n);
    for (size_t i = 0; i < n; i++)
        decay[i] = -decay[i];
}

// A decay too small for float is that of a bound of 0.
static void bounded_decays(const struct lte_kernels *k, const float *lower, float *decay, float *in,
                           const float *f, size_t n)
{
    k->sigmoid(decay, f, n);
    for (size_t i = 0; i < n; i++) {
        const float a = lower[i] + (1 - lower[i]) * decay[i];
        decay[i] = a < FLT_MIN ? f[i] : logf(a);
        in[i] *= 1 - lower[i];
    }
}

static void gates_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                      const float *f, const float *unused)
{
    const struct lte_forget_gates_op *g = &op->forget_gates;
    float *in = y + g->channels;
    (void)unused;
    for (size_t i = 0; i < g->channels; i++)
        y[i] = -f[i];
    k->sigmoid(in, y, g->channels);
    if (g->lower)
        bounded_decays(k, g->lower, y, in, f, g->channels);
    else
        free_decays(k, y, g->channels);
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gates_row);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    return in_width[0] == op->forget_gates.channels ? 2 * in_width[0] : 0;
}

const struct lte_op_row lte_op_forget_gates = {
    .name = "forget_gates",
    .width = width,
    .compute = compute,
    .gradient = &lte_grad_forget_gates};
