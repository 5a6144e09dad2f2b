// SPDX-License-Identifier: BSD-2-Clause
// The order in which the backward pass of attention takes pairs of blocks.
#include "config.h"

#include "lib/grad/attend_plan.h"

enum { BLOCK = LTE_ATTEND_GRAD_KEYS };

// How many blocks after its own a key may still be seen by its window.
static size_t reach(const struct lte_attend_plan *p, const struct lte_attend_stream *s)
{
    if (!s->blocks)
        return 0;
    if (!p->window || p->window > s->segment->rows)
        return s->blocks - 1;
    const size_t blocks = (p->window + BLOCK - 2) / BLOCK;
    return blocks < s->blocks ? blocks : s->blocks - 1;
}

// Where the window is short, step t pairs each block of keys with the queries t blocks later. Else
// few pairs would be left for late steps: there, step t pairs blocks that add up to t modulo their
// number, which splits a triangle evenly.
static bool folded(const struct lte_attend_plan *p, const struct lte_attend_stream *s)
{
    return 2 * (reach(p, s) + 1) > s->blocks;
}

size_t lte_attend_steps(const struct lte_attend_plan *p)
{
    size_t most = 0;
    for (const struct lte_attend_stream *s = p->stream; s < p->stream + p->streams; s++) {
        const size_t steps = folded(p, s) ? s->blocks : reach(p, s) + 1;
        most = steps > most ? steps : most;
    }
    return most;
}

size_t lte_attend_step_count(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                             size_t step)
{
    if (folded(p, s)) // sums of `step`, then of step + blocks
        return step < s->blocks ? step / 2 + 1 + (step + s->blocks) / 2 - step : 0;
    return step <= reach(p, s) ? s->blocks - step : 0;
}

bool lte_attend_step_pair(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                          size_t step, size_t item, struct lte_attend_pair *pair)
{
    pair->keys = item;
    pair->queries = item + step;
    if (folded(p, s)) {
        const size_t low = step / 2 + 1;
        pair->keys = item < low ? item : step + 1 + (item - low);
        pair->queries = item < low ? step - item : step + s->blocks - pair->keys;
    }
    return pair->queries - pair->keys <= reach(p, s);
}

size_t lte_attend_list_steps(const struct lte_attend_plan *p)
{
    size_t most = 0;
    for (const struct lte_attend_stream *s = p->stream; s < p->stream + p->streams; s++)
        if (s->retained && s->blocks > most)
            most = s->blocks;
    return most;
}

size_t lte_attend_list_count(const struct lte_attend_plan *p, const struct lte_attend_stream *s,
                             size_t step)
{
    (void)p;
    return step < s->blocks ? (s->retained + BLOCK - 1) / BLOCK : 0;
}

// The list has no more blocks than there are of queries, so all pairs of a step differ in both.
bool lte_attend_list_pair(const struct lte_attend_stream *s, size_t step, size_t item,
                          struct lte_attend_pair *pair)
{
    pair->keys = item;
    pair->queries = (item + step) % s->blocks;
    return s->at_from[item * BLOCK] < (pair->queries + 1) * BLOCK;
}
