// SPDX-License-Identifier: BSD-2-Clause
// Gradients of add, swiglu and silu.
#include "config.h"

#include "lib/grad/grad.h"

// The rows of these ops have one width throughout, so the work is one long array cut into pieces.
enum { PIECE = 16384 };

struct elementwise {
    const struct lte_kernels *kernels;
    const float *dy, *a, *b;
    float *da, *db;
    size_t n;
};

static void run(struct lte_tape *t, const struct lte_op *op, lte_par_fn *piece)
{
    const struct lte_exec *x = &t->exec;
    const bool two = op->in[1] != LTE_NO_VALUE;
    struct elementwise e = {.kernels = x->kernels,
                            .dy = lte_tape_gradient(t, op->out),
                            .a = lte_exec_value(x, op->in[0]),
                            .b = two ? lte_exec_value(x, op->in[1]) : NULL,
                            .da = lte_tape_gradient(t, op->in[0]),
                            .db = two ? lte_tape_gradient(t, op->in[1]) : NULL,
                            .n = x->rows * lte_exec_width(x, op->out)};
    lte_exec_for(x, (e.n + PIECE - 1) / PIECE, piece, &e);
}

static size_t piece_size(const struct elementwise *e, size_t from)
{
    return e->n - from < PIECE ? e->n - from : PIECE;
}

static void add_piece(void *arg, size_t item, unsigned thread)
{
    const struct elementwise *e = arg;
    const size_t at = item * PIECE, n = piece_size(e, at);
    (void)thread;
    e->kernels->add(e->da + at, e->da + at, e->dy + at, n);
    e->kernels->add(e->db + at, e->db + at, e->dy + at, n);
}

static void swiglu_piece(void *arg, size_t item, unsigned thread)
{
    const struct elementwise *e = arg;
    const size_t at = item * PIECE;
    (void)thread;
    e->kernels->swiglu_back(e->da + at, e->db + at, e->dy + at, e->a + at, e->b + at,
                            piece_size(e, at));
}

static void silu_piece(void *arg, size_t item, unsigned thread)
{
    const struct elementwise *e = arg;
    const size_t at = item * PIECE;
    (void)thread;
    e->kernels->silu_back(e->da + at, e->dy + at, e->a + at, piece_size(e, at));
}

static void add(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, add_piece);
}

static void swiglu(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, swiglu_piece);
}

static void silu(struct lte_tape *t, const struct lte_op *op)
{
    run(t, op, silu_piece);
}

const struct lte_gradient lte_grad_add = {.gives = 1 | 2, .backward = add};
const struct lte_gradient lte_grad_swiglu = {.reads = 1 | 2, .gives = 1 | 2, .backward = swiglu};
const struct lte_gradient lte_grad_silu = {.reads = 1, .gives = 1, .backward = silu};
