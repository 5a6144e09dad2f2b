// SPDX-License-Identifier: BSD-2-Clause
// Gradients of rmsnorm, l2norm and gated_norm over the adjacent vectors (heads) of a row.
#include "config.h"

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"

struct norm_rows {
    const struct lte_kernels *kernels;
    const struct lte_norm_op *op;
    const float *dy, *x, *gate;
    float *dx, *dgate;
    size_t stride;
    // One vector; dgate and dw may be NULL.
    void (*vector)(const struct norm_rows *n, size_t i, size_t at, float *dw);
};

static size_t weights_of(const struct lte_norm_op *op)
{
    return op->own ? op->vectors * op->width : op->width;
}

// Columns that no vector covers were passed on.
static void pass_on(const struct norm_rows *n, size_t row)
{
    const size_t at = row * n->stride, to = n->op->column + n->op->vectors * n->op->width;
    n->kernels->add(n->dx + at, n->dx + at, n->dy + at, n->op->column);
    n->kernels->add(n->dx + at + to, n->dx + at + to, n->dy + at + to, n->stride - to);
}

// dw: NULL, if the weight has no gradient.
static void row(void *arg, size_t r, unsigned thread, float *dw)
{
    const struct norm_rows *n = arg;
    const size_t own = n->op->own ? n->op->width : 0;
    (void)thread;
    for (size_t i = 0; i < n->op->vectors; i++)
        n->vector(n, i, r * n->stride + n->op->column + i * n->op->width, dw ? dw + i * own : NULL);
    if (!n->gate)
        pass_on(n, r);
}

static void run(struct lte_tape *t, const struct lte_op *op,
                void (*vector)(const struct norm_rows *n, size_t i, size_t at, float *dw))
{
    const struct lte_exec *x = &t->exec;
    const bool gated = op->in[1] != LTE_NO_VALUE;
    float *dw = op->norm.weight ? lte_tape_weight_gradient(t, op->norm.weight) : NULL;
    struct norm_rows n = {.kernels = x->kernels,
                          .op = &op->norm,
                          .dy = lte_tape_gradient(t, op->out),
                          .x = lte_exec_value(x, op->in[0]),
                          .gate = gated ? lte_exec_value(x, op->in[1]) : NULL,
                          .dx = lte_tape_gradient(t, op->in[0]),
                          .dgate = gated ? lte_tape_gradient(t, op->in[1]) : NULL,
                          .stride = lte_exec_width(x, op->in[0]),
                          .vector = vector};
    const size_t blocks = lte_partial_blocks(x->rows), weights = weights_of(&op->norm);
    float *partial = dw ? lte_exec_shared(x) : NULL; // [blocks][weights]
    lte_partial_rows(x, partial, weights, row, &n);
    lte_partial_add(x, dw, partial, blocks, weights, weights);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)kernels;
    *shared = op->norm.weight ? lte_partial_bytes(limits->rows, weights_of(&op->norm)) : 0;
    *each = 0;
}

static const float *weight_of(const struct lte_norm_op *op, size_t i)
{
    return op->own && op->weight ? op->weight + i * op->width : op->weight;
}

static void rmsnorm_vector(const struct norm_rows *n, size_t i, size_t at, float *dw)
{
    n->kernels->rmsnorm_back(n->dx + at, dw, n->dy + at, n->x + at, weight_of(n->op, i), n->op->width,
                             n->op->eps);
}

static void l2norm_vector(const struct norm_rows *n, size_t i, size_t at, float *dw)
{
    (void)dw;
    n->kernels->l2norm_back(n->dx + at, n->dy + at, n->x + at, n->op->width, n->op->eps,
                            i < n->op->scaled ? n->op->scale : 1.0f);
}

static void gated_norm_vector(const struct norm_rows *n, size_t i, size_t at, float *dw)
{
    n->kernels->gated_norm_back(n->dx + at, n->dgate + at, dw, n->dy + at, n->x + at, n->gate + at,
                                weight_of(n->op, i), n->op->width, n->op->eps);
}

static void rmsnorm(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, rmsnorm_vector);
}

static void l2norm(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, l2norm_vector);
}

static void gated_norm(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, gated_norm_vector);
}

const struct lte_gradient lte_grad_rmsnorm = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = rmsnorm};
const struct lte_gradient lte_grad_l2norm = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = l2norm};
const struct lte_gradient lte_grad_gated_norm = {
    .reads = 1 | 2, .gives = 1 | 2, .scratch = scratch, .backward = gated_norm};
