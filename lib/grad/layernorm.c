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
    float *dw, *db; // [blocks][op->width]: partial sums
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

static void block(void *arg, size_t item, unsigned thread)
{
    const struct layernorm *n = arg;
    const size_t width = n->op->width, rows = n->exec->rows, from = item * LTE_PARTIAL_ROWS;
    const size_t to = from + LTE_PARTIAL_ROWS < rows ? from + LTE_PARTIAL_ROWS : rows;
    float *dw = n->dw + item * width, *db = n->db + item * width;
    memset(dw, 0, width * sizeof *dw);
    memset(db, 0, width * sizeof *db);
    for (size_t r = from; r < to; r++) {
        for (size_t i = 0; i < n->op->vectors; i++)
            vector(n, r * n->stride + n->op->column + i * width, dw, db,
                   lte_exec_scratch(n->exec, thread));
        pass_on(n, r);
    }
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
                          .dw = lte_exec_shared(x),
                          .stride = lte_exec_width(x, op->in[0])};
    n.db = n.dw + blocks * width;
    lte_exec_for(x, blocks, block, &n);
    if (dw)
        lte_partial_add(x, dw, n.dw, blocks, width);
    if (db)
        lte_partial_add(x, db, n.db, blocks, width);
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
