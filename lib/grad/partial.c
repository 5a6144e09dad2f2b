// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/grad/partial.h"

#include <string.h>

enum { PIECE = 512 };

struct rows {
    const struct lte_exec *exec;
    float *partial;
    size_t floats;
    lte_partial_row_fn *row;
    void *arg;
};

static void block(void *arg, size_t item, unsigned thread)
{
    const struct rows *s = arg;
    const size_t from = item * LTE_PARTIAL_ROWS, rows = s->exec->rows;
    const size_t to = from + LTE_PARTIAL_ROWS < rows ? from + LTE_PARTIAL_ROWS : rows;
    float *partial = s->partial ? s->partial + item * s->floats : NULL;
    if (partial)
        memset(partial, 0, s->floats * sizeof *partial);
    for (size_t r = from; r < to; r++)
        s->row(s->arg, r, thread, partial);
}

void lte_partial_rows(const struct lte_exec *x, float *partial, size_t floats,
                      lte_partial_row_fn *row, void *arg)
{
    struct rows s = {x, partial, floats, row, arg};
    lte_exec_for(x, lte_partial_blocks(x->rows), block, &s);
}

struct sum {
    const struct lte_kernels *kernels;
    float *to;
    const float *partial;
    size_t blocks, stride, floats;
};

static void piece(void *arg, size_t item, unsigned thread)
{
    const struct sum *s = arg;
    const size_t from = item * PIECE, n = s->floats - from < PIECE ? s->floats - from : PIECE;
    (void)thread;
    for (size_t b = 0; b < s->blocks; b++)
        s->kernels->add(s->to + from, s->to + from, s->partial + b * s->stride + from, n);
}

void lte_partial_add(const struct lte_exec *x, float *to, const float *partial, size_t blocks,
                     size_t stride, size_t floats)
{
    struct sum s = {x->kernels, to, partial, blocks, stride, floats};
    if (to)
        lte_exec_for(x, (floats + PIECE - 1) / PIECE, piece, &s);
}
