// SPDX-License-Identifier: BSD-2-Clause
// rmsnorm, l2norm, layernorm and gated_norm over the adjacent vectors (heads) of rows.
#include "config.h"

#include <string.h>

#include "lib/grad/grad.h"
#include "lib/op/rows.h"

static size_t same_width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_norm_op *n = &op->norm;
    return n->column + n->vectors * n->width <= in_width[0] ? in_width[0] : 0;
}

// Vectors that one call of a kernel takes: adjacent ones of a row, or those of one column of rows.
struct vectors {
    float *y;
    const float *a, *b;
    size_t ys, as, bs, count;
    size_t first; // the place of the first one in its row
    bool adjacent;
};

typedef void norm_fn(const struct lte_kernels *k, const struct lte_norm_op *n,
                     const struct vectors *v);

static struct vectors vectors_at(const struct lte_rows *w, size_t row, size_t i)
{
    const struct lte_norm_op *n = &w->op->norm;
    const size_t c = n->column + i * n->width;
    return (struct vectors){.y = w->y + row * w->y_stride + c,
                            .a = w->a + row * w->a_stride + c,
                            .b = w->b ? w->b + row * w->b_stride + c : NULL,
                            .first = i};
}

static void each_row(const struct lte_rows *w, size_t from, size_t to, norm_fn *norm)
{
    const struct lte_norm_op *n = &w->op->norm;
    for (size_t r = from; r < to; r++) {
        struct vectors v = vectors_at(w, r, 0);
        v.ys = v.as = v.bs = n->width;
        v.count = n->vectors;
        v.adjacent = true;
        norm(w->exec->kernels, n, &v);
    }
}

static void each_column(const struct lte_rows *w, size_t from, size_t to, norm_fn *norm)
{
    const struct lte_norm_op *n = &w->op->norm;
    for (size_t i = 0; i < n->vectors; i++) {
        struct vectors v = vectors_at(w, from, i);
        v.ys = w->y_stride;
        v.as = w->a_stride;
        v.bs = w->b_stride;
        v.count = to - from;
        norm(w->exec->kernels, n, &v);
    }
}

// Kernels want several vectors at once; adjacent ones, unless they are few. A vector's result does
// not depend on which it is taken with.
static void each_call(const struct lte_rows *w, size_t from, size_t to, norm_fn *norm)
{
    enum { FEW = 8 };
    const size_t vectors = w->op->norm.vectors;
    if (vectors < FEW && vectors < to - from)
        each_column(w, from, to, norm);
    else
        each_row(w, from, to, norm);
}

static const float *weight_of(const struct lte_norm_op *n, const struct vectors *v)
{
    return n->own && n->weight ? n->weight + v->first * n->width : n->weight;
}

static size_t weight_stride(const struct lte_norm_op *n, const struct vectors *v)
{
    return n->own && v->adjacent ? n->width : 0;
}

static void rmsnorm_vectors(const struct lte_kernels *k, const struct lte_norm_op *n,
                            const struct vectors *v)
{
    k->rmsnorm(v->y, v->ys, v->a, v->as, weight_of(n, v), weight_stride(n, v), v->count, n->width,
               n->eps);
}

static void l2norm_vectors(const struct lte_kernels *k, const struct lte_norm_op *n,
                           const struct vectors *v)
{
    size_t scaled = 0;
    if (v->first < n->scaled)
        scaled = v->adjacent && n->scaled < v->count ? n->scaled : v->count;
    if (scaled)
        k->l2norm(v->y, v->ys, v->a, v->as, scaled, n->width, n->eps, n->scale);
    if (scaled < v->count)
        k->l2norm(v->y + scaled * v->ys, v->ys, v->a + scaled * v->as, v->as, v->count - scaled,
                  n->width, n->eps, 1);
}

// That of x less its mean, and a bias.
static void layernorm_vectors(const struct lte_kernels *k, const struct lte_norm_op *n,
                              const struct vectors *v)
{
    for (size_t i = 0; i < v->count; i++)
        lte_center(v->y + i * v->ys, v->a + i * v->as, n->width);
    k->rmsnorm(v->y, v->ys, v->y, v->ys, n->weight, 0, v->count, n->width, n->eps);
    for (size_t i = 0; i < v->count; i++)
        k->add(v->y + i * v->ys, v->y + i * v->ys, n->bias, n->width);
}

static void gated_norm_vectors(const struct lte_kernels *k, const struct lte_norm_op *n,
                               const struct vectors *v)
{
    k->gated_norm(v->y, v->ys, v->a, v->as, v->b, v->bs, weight_of(n, v), weight_stride(n, v),
                  v->count, n->width, n->eps);
}

#define BLOCK(norm)                                                                  \
    static void norm##_block(const struct lte_rows *w, size_t from, size_t to)       \
    {                                                                                \
        each_call(w, from, to, norm##_vectors);                                      \
    }
BLOCK(rmsnorm)
BLOCK(l2norm)
BLOCK(layernorm)
BLOCK(gated_norm)

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
    lte_rows_run_blocks(x, op, rmsnorm_block);
}

static void l2norm(struct lte_exec *x, const struct lte_op *op)
{
    copy_rest(x, op);
    lte_rows_run_blocks(x, op, l2norm_block);
}

static void layernorm(struct lte_exec *x, const struct lte_op *op)
{
    copy_rest(x, op);
    lte_rows_run_blocks(x, op, layernorm_block);
}

static void gated_norm(struct lte_exec *x, const struct lte_op *op)
{
    lte_rows_run_blocks(x, op, gated_norm_block);
}

const struct lte_op_row lte_op_rmsnorm = {
    .name = "rmsnorm", .width = same_width, .compute = rmsnorm, .gradient = &lte_grad_rmsnorm};
const struct lte_op_row lte_op_l2norm = {
    .name = "l2norm", .width = same_width, .compute = l2norm, .gradient = &lte_grad_l2norm};
const struct lte_op_row lte_op_layernorm = {
    .name = "layernorm",
    .width = same_width,
    .compute = layernorm,
    .gradient = &lte_grad_layernorm};
const struct lte_op_row lte_op_gated_norm = {
    .name = "gated_norm",
    .width = same_width,
    .compute = gated_norm,
    .gradient = &lte_grad_gated_norm};
