// SPDX-License-Identifier: BSD-2-Clause
// Who sees what in attention over whole sequences.
#include "config.h"

#include "lib/grad/attend_plan.h"

#include "lib/train/budget.h"

enum { BLOCK = LTE_ATTEND_GRAD_KEYS };

// Pieces of `memory`, one after another; with memory NULL, only their size.
static void *carve(unsigned char *memory, size_t *used, size_t bytes)
{
    void *piece = memory ? memory + *used : NULL;
    *used += lte_align(bytes);
    return piece;
}

static size_t lay_out(struct lte_attend_plan *p, const struct lte_attend_op *op, size_t rows,
                      size_t segments, void *memory)
{
    size_t used = 0;
    const size_t lists = op->retains ? op->key_heads * rows : 0;
    p->streams = segments * op->key_heads;
    p->stream = carve(memory, &used, p->streams * sizeof *p->stream);
    p->begin = carve(memory, &used, (p->streams + 1) * sizeof *p->begin);
    p->from = carve(memory, &used, rows * sizeof *p->from);
    p->until = carve(memory, &used, rows * sizeof *p->until);
    p->ever = carve(memory, &used, rows * sizeof *p->ever);
    p->at = carve(memory, &used, lists * sizeof *p->at);
    p->at_from = carve(memory, &used, lists * sizeof *p->at_from);
    return used;
}

size_t lte_attend_plan_bytes(const struct lte_attend_op *op, const struct lte_tape_limits *limits)
{
    struct lte_attend_plan p;
    return lay_out(&p, op, limits->rows, limits->segments, NULL);
}

struct maker {
    struct lte_attend_plan *plan;
    const struct lte_attend_op *op;
    const float *scores;
};

// A stream, and its list: what is retained at the end of its window.
static void make_stream(void *arg, size_t item, unsigned thread)
{
    const struct maker *m = arg;
    const struct lte_attend_plan *p = m->plan;
    struct lte_attend_stream *s = &p->stream[item];
    const size_t row = s->segment->row, rows = s->segment->rows, heads = m->op->key_heads;
    (void)thread;
    s->retained = 0;
    if (!m->scores)
        return;
    const size_t list = row * heads + s->head * rows;
    uint32_t *at = p->at + list, *from = p->at_from + list;
    const float *score = m->scores + row * heads + s->head;
    for (size_t j = 0; j + p->window < rows; j++) {
        at[s->retained] = (uint32_t)j;
        from[s->retained] = (uint32_t)(j + p->window);
        s->retained += j < m->op->sinks || score[j * heads] > 0;
    }
    s->at = at;
    s->at_from = from;
}

void lte_attend_plan_make(struct lte_attend_plan *plan, const struct lte_tape *tape,
                          const struct lte_attend_op *op, const float *scores, void *memory)
{
    const struct lte_exec *x = &tape->exec;
    const bool all = op->retains && tape->budget && !tape->budget->enabled;
    size_t longest = 0;
    lay_out(plan, op, x->rows, x->segments, memory);
    plan->window = all ? 0 : op->window;
    for (size_t i = 0; i < plan->streams; i++) {
        const struct lte_segment *g = &x->segment[i / op->key_heads];
        plan->stream[i] = (struct lte_attend_stream){.segment = g,
                                                     .head = i % op->key_heads,
                                                     .blocks = (g->rows + BLOCK - 1) / BLOCK};
        longest = g->rows > longest ? g->rows : longest;
    }
    for (size_t j = 0; j < longest; j++) {
        const bool passes = plan->window && plan->window < UINT32_MAX - j;
        plan->from[j] = (uint32_t)j;
        plan->until[j] = passes ? (uint32_t)(j + plan->window) : UINT32_MAX;
        plan->ever[j] = UINT32_MAX;
    }
    struct maker maker = {plan, op, op->retains && plan->window ? scores : NULL};
    lte_exec_for(x, plan->streams, make_stream, &maker);
}

size_t lte_attend_plan_items(const struct lte_attend_plan *plan, lte_attend_count_fn *count,
                             size_t step)
{
    size_t items = 0;
    for (size_t i = 0; i < plan->streams; i++) {
        plan->begin[i] = items;
        items += count(plan, &plan->stream[i], step);
    }
    return plan->begin[plan->streams] = items;
}

const struct lte_attend_stream *lte_attend_plan_find(const struct lte_attend_plan *plan,
                                                     size_t *item)
{
    size_t low = 0, high = plan->streams; // begin[low] <= *item < begin[high]
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (plan->begin[middle] <= *item)
            low = middle;
        else
            high = middle;
    }
    *item -= plan->begin[low];
    return &plan->stream[low];
}
