// SPDX-License-Identifier: BSD-2-Clause
// sdpa_gate: the output of attention times the sigmoid of a gate; split: q, or a gate, out of a
// projection that makes both.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static size_t gate_width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_sdpa_gate_op *g = &op->sdpa_gate;
    const size_t last = g->column + (g->vectors - 1) * g->stride + (g->one ? 1 : g->width);
    return g->vectors * g->width == in_width[0] && last <= in_width[1] ? in_width[0] : 0;
}

static void gate_row(const struct lte_kernels *k, const struct lte_op *op, float *y, const float *x,
                     const float *z)
{
    const struct lte_sdpa_gate_op *g = &op->sdpa_gate;
    z += g->column;
    for (size_t i = 0; i < g->vectors; i++, x += g->width, y += g->width, z += g->stride) {
        float one;
        k->sigmoid(g->one ? &one : y, z, g->one ? 1 : g->width);
        for (size_t j = 0; j < g->width; j++)
            y[j] = x[j] * (g->one ? one : y[j]);
    }
}

static void gate(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gate_row);
}

static size_t split_width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_split_op *s = &op->split;
    const size_t last = s->column + (s->vectors - 1) * s->stride + s->width;
    return last <= in_width[0] ? s->vectors * s->width : 0;
}

static void split_row(const struct lte_kernels *k, const struct lte_op *op, float *y, const float *x,
                      const float *unused)
{
    const struct lte_split_op *s = &op->split;
    (void)k;
    (void)unused;
    for (size_t i = 0; i < s->vectors; i++)
        memcpy(y + i * s->width, x + s->column + i * s->stride, s->width * sizeof *y);
}

static void split(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, split_row);
}

const struct lte_op_row lte_op_sdpa_gate = {
    .name = "sdpa_gate", .width = gate_width, .compute = gate, .gradient = &lte_grad_sdpa_gate};
const struct lte_op_row lte_op_split = {
    .name = "split", .width = split_width, .compute = split, .gradient = &lte_grad_split};
