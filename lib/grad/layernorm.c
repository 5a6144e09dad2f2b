// SPDX-License-Identifier: BSD-2-Clause
// Gradient of layernorm: that of rmsnorm for x less its mean, less its own mean.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/grad/partial.h"
#include "lib/op/rows.h"

struct layernorm {
    const struct lte_exec *exec;
    const struct lte_norm_op *op;
    const float *dy, *x;
    float *dx;
    size_t stride;
};

static void vector(const struct layernorm *n, size_t at, float *dw, float *db, float *scratch)
{
    const struct lte_kernels *k = n->exec->kernels;
    const size_t width = n->op->width;
    float *centered = scratch, *dx = scratch + width;
    lte_center(centered, n->x + at, width);
    memset(dx, 0, width * sizeof *dx);
    k->rmsnorm_back(dx, dw, n->dy + at, centered, n->op->weight, width, n->op->eps);
    k->add(db, db, n->dy + at, width);
    lte_center(dx, dx, width);
    k->add(n->dx + at, n->dx + at, dx, width);
}

// Columns that no vector covers were passed on.
static void pass_on(const struct layernorm *n, size_t row)
{
    const size_t at = row * n->stride, to = n->op->column + n->op->vectors * n->op->width;
    n->exec->kernels->add(n->dx + at, n->dx + at, n->dy + at, n->op->column);
    n->exec->kernels->add(n->dx + at + to, n->dx + at + to, n->dy + at + to, n->stride - to);
}

// partial: [2][width], of weight and bias.
static void row(void *arg, size_t r, unsigned thread, float *partial)
{
    const struct layernorm *n = arg;
    const size_t width = n->op->width;
    for (size_t i = 0; i < n->op->vectors; i++)
        vector(n, r * n->stride + n->op->column + i * width, partial, partial + width,
               lte_exec_scratch(n->exec, thread));
    pass_on(n, r);
}

static void backward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_exec *x = &t->exec;
    const size_t blocks = lte_partial_blocks(x->rows), width = op->norm.width;
    float *dw = lte_tape_weight_gradient(t, op->norm.weight);
    float *db = lte_tape_weight_gradient(t, op->norm.bias);
    struct layernorm n = {.exec = x,
                          .op = &op->norm,
                          .dy = lte_tape_gradient(t, op->out),
                          .x = lte_exec_value(x, op->in[0]),
                          .dx = lte_tape_gradient(t, op->in[0]),
                          .stride = lte_exec_width(x, op->in[0])};
    float *partial = lte_exec_shared(x);
    lte_partial_rows(x, partial, 2 * width, row, &n);
    lte_partial_add(x, dw, partial, blocks, 2 * width, width);
    lte_partial_add(x, db, partial + width, blocks, 2 * width, width);
}

static void scratch(const struct lte_op *op, const struct lte_tape_limits *limits,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)kernels;
    *shared = 2 * lte_partial_bytes(limits->rows, op->norm.width);
    *each = 2 * op->norm.width * sizeof(float);
}

const struct lte_gradient lte_grad_layernorm = {
    .reads = 1, .gives = 1, .scratch = scratch, .backward = backward};
