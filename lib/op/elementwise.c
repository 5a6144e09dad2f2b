// SPDX-License-Identifier: BSD-2-Clause
// add, swiglu and silu over whole rows.
#include "config.h"

#include "lib/grad/grad.h"

// The rows of these ops have one width throughout, so the work is one long array cut into pieces.
enum { PIECE = 16384 };

struct elementwise {
    float *y;
    const float *a, *b;
    size_t n;
    lte_map_fn *map;
    lte_map2_fn *map2;
};

static void piece(void *arg, size_t item, unsigned thread)
{
    const struct elementwise *e = arg;
    const size_t from = item * PIECE, n = e->n - from < PIECE ? e->n - from : PIECE;
    (void)thread;
    if (e->map2)
        e->map2(e->y + from, e->a + from, e->b + from, n);
    else
        e->map(e->y + from, e->a + from, n);
}

static void run(struct lte_exec *x, const struct lte_op *op, lte_map_fn *map, lte_map2_fn *map2)
{
    struct elementwise e = {.y = lte_exec_value(x, op->out),
                            .a = lte_exec_value(x, op->in[0]),
                            .b = map2 ? lte_exec_value(x, op->in[1]) : NULL,
                            .n = x->rows * lte_exec_width(x, op->out),
                            .map = map,
                            .map2 = map2};
    lte_exec_for(x, (e.n + PIECE - 1) / PIECE, piece, &e);
}

static size_t width1(const struct lte_op *op, const size_t *in_width)
{
    (void)op;
    return in_width[0];
}

static size_t width2(const struct lte_op *op, const size_t *in_width)
{
    (void)op;
    return in_width[0] == in_width[1] ? in_width[0] : 0;
}

static void add(struct lte_exec *x, const struct lte_op *op)
{
    run(x, op, NULL, x->kernels->add);
}

static void swiglu(struct lte_exec *x, const struct lte_op *op)
{
    run(x, op, NULL, x->kernels->swiglu);
}

static void silu(struct lte_exec *x, const struct lte_op *op)
{
    run(x, op, x->kernels->silu, NULL);
}

const struct lte_op_row lte_op_add = {
    .name = "add", .width = width2, .compute = add, .gradient = &lte_grad_add};
const struct lte_op_row lte_op_swiglu = {
    .name = "swiglu", .width = width2, .compute = swiglu, .gradient = &lte_grad_swiglu};
const struct lte_op_row lte_op_silu = {
    .name = "silu", .width = width1, .compute = silu, .gradient = &lte_grad_silu};
