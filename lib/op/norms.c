// SPDX-License-Identifier: BSD-2-Clause
// rmsnorm, l2norm, layernorm and gated_norm over the adjacent vectors (heads) of a row.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static size_t same_width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_norm_op *n = &op->norm;
    return n->column + n->vectors * n->width <= in_width[0] ? in_width[0] : 0;
}

static const float *weight_of(const struct lte_norm_op *n, size_t i)
{
    return n->own && n->weight ? n->weight + i * n->width : n->weight;
}

static void rmsnorm_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                        const float *a, const float *b)
{
    const struct lte_norm_op *n = &op->norm;
    (void)b;
    for (size_t i = 0, c = n->column; i < n->vectors; i++, c += n->width)
        k->rmsnorm(y + c, a + c, weight_of(n, i), n->width, n->eps);
}

static void l2norm_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                       const float *a, const float *b)
{
    const struct lte_norm_op *n = &op->norm;
    (void)b;
    for (size_t i = 0, c = n->column; i < n->vectors; i++, c += n->width)
        k->l2norm(y + c, a + c, n->width, n->eps, i < n->scaled ? n->scale : 1.0f);
}

// That of x less its mean, and a bias.
static void layernorm_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                          const float *a, const float *b)
{
    const struct lte_norm_op *n = &op->norm;
    (void)b;
    for (size_t i = 0, c = n->column; i < n->vectors; i++, c += n->width) {
        lte_center(y + c, a + c, n->width);
        k->rmsnorm(y + c, y + c, n->weight, n->width, n->eps);
        k->add(y + c, y + c, n->bias, n->width);
    }
}

static void gated_norm_row(const struct lte_kernels *k, const struct lte_op *op, float *y,
                           const float *a, const float *b)
{
    const struct lte_norm_op *n = &op->norm;
    for (size_t i = 0, c = n->column; i < n->vectors; i++, c += n->width)
        k->gated_norm(y + c, a + c, b + c, weight_of(n, i), n->width, n->eps);
}

struct copy {
    float *y;
    const float *a;
    size_t floats; // of a block of rows
    size_t total;
};

static void copy_block(void *arg, size_t item, unsigned thread)
{
    const struct copy *c = arg;
    const size_t from = item * c->floats;
    const size_t n = c->total - from < c->floats ? c->total - from : c->floats;
    (void)thread;
    memcpy(c->y + from, c->a + from, n * sizeof *c->y);
}

// Not in place, the columns that no vector covers are passed on.
static void copy_rest(struct lte_exec *x, const struct lte_op *op)
{
    const size_t width = lte_exec_width(x, op->in[0]);
    struct copy c = {.y = lte_exec_value(x, op->out),
                           .a = lte_exec_value(x, op->in[0]),
                           .floats = LTE_ROW_BLOCK * width,
                           .total = x->rows * width};
    if (op->out != op->in[0] && op->norm.vectors * op->norm.width < width)
        lte_exec_for(x, (x->rows + LTE_ROW_BLOCK - 1) / LTE_ROW_BLOCK, copy_block, &c);
}

static void rmsnorm(struct lte_exec *x, const struct lte_op *op)
{
    copy_rest(x, op);
    lte_rows_run(x, op, rmsnorm_row);
}

static void l2norm(struct lte_exec *x, const struct lte_op *op)
{
    copy_rest(x, op);
    lte_rows_run(x, op, l2norm_row);
}

static void layernorm(struct lte_exec *x, const struct lte_op *op)
{
    copy_rest(x, op);
    lte_rows_run(x, op, layernorm_row);
}

static void gated_norm(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run(x, op, gated_norm_row);
}

const struct lte_op_row lte_op_rmsnorm = {
    .name = "rmsnorm", .width = same_width, .compute = rmsnorm, .gradient = &lte_grad_rmsnorm};
const struct lte_op_row lte_op_l2norm = {
    .name = "l2norm", .width = same_width, .compute = l2norm, .gradient = &lte_grad_l2norm};
const struct lte_op_row lte_op_layernorm = {
    .name = "layernorm", .width = same_width, .compute = layernorm, .gradient = &lte_grad_layernorm};
const struct lte_op_row lte_op_gated_norm = {
    .name = "gated_norm",
    .width = same_width,
    .compute = gated_norm,
    .gradient = &lte_grad_gated_norm};
