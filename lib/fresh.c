// SPDX-License-Identifier: BSD-2-Clause
// Drawing fresh weights by blocks, in pieces of many blocks.
#include "config.h"

#include "lib/fresh.h"

#include "lib/random.h"

enum { BLOCK = 4096, BLOCKS = 64, PIECE = BLOCK * BLOCKS };

enum lte_status lte_fresh_begin(const struct lte_context *c, uint64_t seed, struct lte_fresh *f)
{
    *f = (struct lte_fresh){.context = c, .seed = seed};
    f->values = lte_alloc(c, PIECE * sizeof *f->values);
    f->bytes = lte_alloc(c, PIECE * sizeof *f->values);
    return f->values && f->bytes ? LTE_OK
                                 : lte_fail_memory(c, "fresh weights", PIECE * sizeof *f->values);
}

void lte_fresh_end(struct lte_fresh *f)
{
    lte_release(f->context, f->values, PIECE * sizeof *f->values);
    lte_release(f->context, f->bytes, PIECE * sizeof *f->values);
}

static void draw_block(void *arg, size_t item, unsigned thread)
{
    const struct lte_fresh *f = arg;
    const uint64_t begin = f->first + item * BLOCK;
    const uint64_t end = f->end - begin < BLOCK ? f->end : begin + BLOCK;
    (void)thread;
    for (uint64_t i = begin; i < end; i++)
        f->values[i - f->first] = (float)lte_init_draw(&f->weight->init, f->key, i);
}

enum lte_status lte_fresh_put(struct lte_fresh *f, struct lte_par *team,
                              const struct lte_weight *weight, enum lte_dtype type,
                              struct lte_writer *writer)
{
    const uint64_t elements = weight->elements;
    f->weight = weight;
    f->key = lte_random_key(f->seed, weight->name);
    for (f->first = 0; f->first < elements; f->first = f->end) {
        const uint64_t left = elements - f->first;
        const size_t size = left < PIECE ? (size_t)left : PIECE;
        f->end = f->first + size;
        lte_par_for(team, (size + BLOCK - 1) / BLOCK, draw_block, f);
        f->context->kernels.narrow[type](f->bytes, f->values, size);
        LTE_TRY(lte_writer_put(writer, f->bytes, size * lte_dtype_size(type)));
    }
    return LTE_OK;
}
