// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/sparse/select.h"

#include <math.h>

#include "lib/sparse/top_k.h"

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t lte_select_scratch(const struct lte_selector *s, uint64_t tokens)
{
    const size_t units = (size_t)(tokens / s->pool) + 1;
    return padded(units) + padded(lte_index_scratch(units));
}

static size_t range(size_t from, size_t to, uint32_t *unit)
{
    for (size_t c = from; c < to; c++)
        *unit++ = (uint32_t)c;
    return to - from;
}

size_t lte_select_best(const struct lte_selector *s, const struct lte_kernels *kernels,
                       const float *score, size_t units, uint32_t *unit)
{
    if (units <= s->top)
        return range(0, units, unit);
    const size_t first = s->first < s->top ? s->first : s->top;
    const size_t last = s->last < s->top - first ? s->last : s->top - first;
    range(0, first, unit);
    const size_t best = lte_top_k(kernels, score + first, units - first - last,
                                  s->top - first - last, unit + first);
    for (size_t i = first; i < first + best; i++)
        unit[i] += (uint32_t)first;
    return first + best + range(units - last, units, unit + first + best);
}

size_t lte_select(const struct lte_selector *s, const struct lte_kernels *kernels,
                  const struct lte_select_query *query, float *scratch, uint32_t *unit)
{
    const size_t complete = (size_t)((query->position + 1) / s->pool);
    const size_t units = (size_t)(query->position / s->pool) + 1;
    if (units > s->top) { // else all of them, and no need to know how much they are wanted
        kernels->index(&(struct lte_index_args){.rule = s->rule,
                                                .q = query->q,
                                                .k = query->key,
                                                .weight = query->weight,
                                                .q_stride = query->q_stride,
                                                .k_stride = query->key_stride,
                                                .heads = s->heads,
                                                .keys = complete,
                                                .dim = s->dim,
                                                .scale = s->scale,
                                                .score = scratch,
                                                .scratch = scratch + padded(units)});
        if (units > complete)
            scratch[complete] = -INFINITY;
    }
    return lte_select_best(s, kernels, scratch, units, unit);
}

size_t lte_select_tokens(const struct lte_selector *s, const uint32_t *unit, size_t units,
                         uint64_t position, uint32_t *at)
{
    size_t n = 0;
    for (size_t i = 0; i < units; i++) {
        const uint64_t begin = (uint64_t)unit[i] * s->pool, end = begin + s->pool;
        for (uint64_t token = begin; token < end && token <= position; token++)
            at[n++] = (uint32_t)token;
    }
    return n;
}
