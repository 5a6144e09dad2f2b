// SPDX-License-Identifier: BSD-2-Clause
// Gradients of sdpa_gate and split.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

struct gate {
    const struct lte_kernels *kernels;
    const struct lte_sdpa_gate_op *op;
    const float *dy, *x, *z;
    float *dx, *dz;
    size_t rows, stride, z_stride;
};

// y = x s, s = sigmoid(z): dx += dy s, dz += dy x s (1 - s).
static void each(const struct gate *g, size_t at, size_t z_at)
{
    enum { PIECE = 64 };
    float s[PIECE];
    for (size_t from = 0; from < g->op->width; from += PIECE) {
        const size_t n = g->op->width - from < PIECE ? g->op->width - from : PIECE;
        const float *dy = g->dy + at + from, *x = g->x + at + from;
        float *dx = g->dx + at + from, *dz = g->dz + z_at + from;
        g->kernels->sigmoid(s, g->z + z_at + from, n);
        for (size_t i = 0; i < n; i++) {
            dx[i] += dy[i] * s[i];
            dz[i] += dy[i] * x[i] * s[i] * (1 - s[i]);
        }
    }
}

static void one(const struct gate *g, size_t at, size_t z_at)
{
    const float *dy = g->dy + at, *x = g->x + at;
    float s, *dx = g->dx + at;
    double sum = 0;
    g->kernels->sigmoid(&s, g->z + z_at, 1);
    for (size_t i = 0; i < g->op->width; i++) {
        dx[i] += dy[i] * s;
        sum += (double)dy[i] * x[i];
    }
    g->dz[z_at] += (float)sum * s * (1 - s);
}

static void gate_block(void *arg, size_t item, unsigned thread)
{
    const struct gate *g = arg;
    const size_t from = item * LTE_ROW_BLOCK;
    const size_t to = from + LTE_ROW_BLOCK < g->rows ? from + LTE_ROW_BLOCK : g->rows;
    (void)thread;
    for (size_t r = from; r < to; r++)
        for (size_t i = 0; i < g->op->vectors; i++)
            (g->op->one ? one : each)(g, r * g->stride + i * g->op->width,
                                      r * g->z_stride + g->op->column + i * g->op->stride);
}

static void gate(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct gate g = {.kernels = x->kernels,
                     .op = &op->sdpa_gate,
                     .dy = lte_tape_gradient(t, op->out),
                     .x = lte_exec_value(x, op->in[0]),
                     .z = lte_exec_value(x, op->in[1]),
                     .dx = lte_tape_gradient(t, op->in[0]),
                     .dz = lte_tape_gradient(t, op->in[1]),
                     .rows = x->rows,
                     .stride = lte_exec_width(x, op->in[0]),
                     .z_stride = lte_exec_width(x, op->in[1])};
    lte_exec_for(x, (g.rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, gate_block, &g);
}

struct split {
    const struct lte_kernels *kernels;
    const struct lte_split_op *op;
    const float *dy;
    float *dx;
    size_t rows, stride;
};

static void split_block(void *arg, size_t item, unsigned thread)
{
    const struct split *s = arg;
    const size_t from = item * LTE_ROW_BLOCK, width = s->op->width;
    const size_t to = from + LTE_ROW_BLOCK < s->rows ? from + LTE_ROW_BLOCK : s->rows;
    (void)thread;
    for (size_t r = from; r < to; r++) {
        for (size_t i = 0; i < s->op->vectors; i++) {
            float *dx = s->dx + r * s->stride + s->op->column + i * s->op->stride;
            s->kernels->add(dx, dx, s->dy + (r * s->op->vectors + i) * width, width);
        }
    }
}

static void split(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    struct split s = {.kernels = x->kernels,
                      .op = &op->split,
                      .dy = lte_tape_gradient(t, op->out),
                      .dx = lte_tape_gradient(t, op->in[0]),
                      .rows = x->rows,
                      .stride = lte_exec_width(x, op->in[0])};
    lte_exec_for(x, (s.rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, split_block, &s);
}

const struct lte_gradient lte_grad_sdpa_gate = {.reads = 1 | 2, .gives = 1 | 2, .backward = gate};
const struct lte_gradient lte_grad_split = {.gives = 1, .backward = split};
