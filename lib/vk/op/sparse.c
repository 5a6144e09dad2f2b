// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/vk/op/sparse.h"

enum {
    AT_ONCE = 64,            // rows, at most,
    SCORES = 1 << 22         // and scores of them
};

void lte_vk_cache_store(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                        struct lte_vk_range state, const struct lte_vk_store *s)
{
    const struct lte_cache_store_params p = {.segment = g->first,
                                             .dim = (uint32_t)s->dim,
                                             .column = (uint32_t)s->column,
                                             .stride = lte_vk_width(e, s->value),
                                             .tokens = (uint32_t)s->tokens,
                                             .place = s->place};
    lte_vk_run(e, &(struct lte_vk_call){.kernel = LTE_VK_cache_store,
                                        .constant = {s->type},
                                        .bind = {e->segments, lte_vk_value(e, s->value), state},
                                        .push = &p,
                                        .beside = s->beside,
                                        .x = g->rows,
                                        .y = s->heads,
                                        .z = g->count});
}

void lte_vk_store_entries(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                          struct lte_vk_range state, const struct lte_op *op,
                          const struct lte_vk_entries *n)
{
    struct lte_vk_store s = {.value = op->in[1],
                             .heads = n->heads,
                             .dim = n->dim,
                             .tokens = n->tokens,
                             .place = lte_vk_words(n->k),
                             .type = n->type};
    lte_vk_cache_store(e, g, state, &s);
    s.value = op->in[2];
    s.place = lte_vk_words(n->v);
    s.beside = true;
    lte_vk_cache_store(e, g, state, &s);
}

static size_t least(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

struct lte_vk_selection lte_vk_selection(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                                         const struct lte_selector *selector, uint32_t heads,
                                         uint64_t tokens)
{
    const uint64_t units = (tokens + selector->pool - 1) / selector->pool;
    const uint64_t at_once = SCORES / ((units + 1) * heads) + 1;
    struct lte_vk_selection s = {.selector = *selector,
                                 .heads = heads,
                                 .units = units,
                                 .stride = (uint32_t)units,
                                 .at_once = (uint32_t)least(g->rows, least(at_once, AT_ONCE))};
    s.selector.top = least(selector->top, units);
    const uint64_t lists = (uint64_t)g->count * heads;
    s.chosen = lte_vk_scratch(e, lists * g->rows * s.selector.top * sizeof(uint32_t));
    s.score = s.selector.top < units
                  ? lte_vk_scratch(e, lists * s.at_once * s.stride * sizeof(float))
                  : lte_vk_none();
    return s;
}

// Rows first .. first + count - 1, whose scores are there.
static void select_rows(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                        const struct lte_vk_selection *s, uint32_t first, uint32_t count)
{
    const struct lte_selector *selector = &s->selector;
    const struct lte_sparse_select_params p = {
        .segment = g->first,
        .first = first,
        .rows = (uint32_t)g->rows,
        .pool = (uint32_t)selector->pool,
        .top = (uint32_t)selector->top,
        .forced_first = (uint32_t)least(selector->first, selector->top),
        .forced_last = (uint32_t)least(selector->last, selector->top),
        .stride = s->stride};
    lte_vk_run(e, &(struct lte_vk_call){.kernel = LTE_VK_sparse_select,
                                        .bind = {e->segments, s->score, s->chosen},
                                        .push = &p,
                                        .x = count,
                                        .y = s->heads,
                                        .z = g->count});
}

void lte_vk_select(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                   const struct lte_vk_selection *s, lte_vk_score_fn *score, const void *arg)
{
    const uint32_t rows = (uint32_t)g->rows;
    for (uint32_t first = 0; first < rows; first += s->at_once) {
        const uint32_t count = rows - first < s->at_once ? rows - first : s->at_once;
        if (s->selector.top < s->units)
            score(arg, first, count);
        select_rows(e, g, s, first, count);
    }
}

void lte_vk_sparse_attend(struct lte_vk_encoder *e, const struct lte_vk_group *g,
                          const struct lte_vk_sparse *s, const struct lte_vk_tiles *t,
                          const struct lte_sparse_attend_params *p)
{
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_sparse_attend,
        .constant = {p->head_dim, t->queries * t->heads, t->heads, t->keys, s->type,
                     s->apart, s->range},
        .bind = {e->segments, s->state, lte_vk_value(e, s->op->in[0]), s->chosen, s->to},
        .push = p,
        .beside = s->beside,
        .x = t->x,
        .y = t->y,
        .z = g->count});
}

void lte_vk_sparse_fits(struct lte_vk_encoder *e, size_t head_dim, size_t other_dim,
                        enum lte_dtype type)
{
    const bool odd = head_dim % 2 || other_dim % 2;
    if (head_dim > LTE_VK_HEAD_DIM)
        lte_vk_refuse(e, "heads of %zu numbers, at most %d", head_dim, LTE_VK_HEAD_DIM);
    if (type != LTE_DTYPE_F32 && odd)
        lte_vk_refuse(e, "16-bit keys of %zu numbers, which is odd",
                      head_dim % 2 ? head_dim : other_dim);
}
