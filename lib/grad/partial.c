// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/grad/partial.h"

enum { PIECE = 512 };

struct sum {
    const struct lte_kernels *kernels;
    float *to;
    const float *partial;
    size_t blocks, floats;
};

static void piece(void *arg, size_t item, unsigned thread)
{
    const struct sum *s = arg;
    const size_t from = item * PIECE, n = s->floats - from < PIECE ? s->floats - from : PIECE;
    (void)thread;
    for (size_t b = 0; b < s->blocks; b++)
        s->kernels->add(s->to + from, s->to + from, s->partial + b * s->floats + from, n);
}

void lte_partial_add(const struct lte_exec *x, float *to, const float *partial, size_t blocks,
                     size_t floats)
{
    struct sum s = {x->kernels, to, partial, blocks, floats};
    lte_exec_for(x, (floats + PIECE - 1) / PIECE, piece, &s);
}
