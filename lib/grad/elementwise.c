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

static void run(struct lte_tape *t, const struct lte_op *op, struct elementwise *e, lte_par_fn *piece)
{
    const struct lte_exec *x = &t->exec;
    e->kernels = x->kernels;
    e->n = x->rows * lte_exec_width(x, op->out);
    e->dy = lte_tape_gradient(t, op->out);
    e->da = lte_tape_gradient(t, op->in[0]);
    lte_exec_for(x, (e->n + PIECE - 1) / PIECE, piece, e);
}

static size_t piece_size(const struct elementwise *e, size_t from)
{
    return e->n - from < PIECE ? e->n - from : PIECE;
}

static void add_piece(void *arg, size_t item, unsigned thread)
{
    const struct elementwise *e = arg;
    const size_t from = item * PIECE, n = piece_size(e, from);
    (void)thread;
    e->kernels->add(e->da + from, e->da + from, e->dy + from, n);
    e->kernels->add(e->db + from, e->db + from, e->dy + from, n);
}

static void add(struct lte_tape *t, const struct lte_op *op)
{
    struct elementwise e = {.db = lte_tape_gradient(t, op->in[1])};
    run(t, op, &e, add_piece);
}

const struct lte_gradient lte_grad_add = {.gives = 1 | 2, .backward = add};
