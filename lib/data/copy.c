// SPDX-License-Identifier: BSD-2-Clause
// Repeated-segment copying: what an induction head learns from, with a target at nearly every row.
#include "config.h"

#include "lib/data/draw.h"
#include "lib/data/source.h"

struct copy {
    struct lte_data base;
    struct lte_copy_options options;
};

void lte_copy_options_init(struct lte_copy_options *options)
{
    if (options)
        *options = (struct lte_copy_options){.symbols = 256, .shortest = 8, .longest = 64};
}

// Symbol i of a sequence is symbol i % period of its segment, whose draws are addressed, not
// stored.
static enum lte_status put(struct lte_data *data, uint64_t step, uint64_t number,
                           struct lte_fill *fill)
{
    const struct lte_copy_options *o = &((struct copy *)data)->options;
    struct lte_draw draw = lte_draw_begin(data->key, number);
    const uint32_t n = lte_draw_range(&draw, data->options.shortest, data->options.longest);
    const uint32_t most = o->longest < n / 2 ? o->longest : n / 2;
    const uint32_t period =
        lte_draw_range(&draw, o->shortest < most ? o->shortest : most, most);
    (void)step;
    if (!lte_fill_room(fill, n))
        return LTE_OK;
    uint32_t *token = fill->batch->token + fill->rows, *target = fill->batch->target + fill->rows;
    for (uint32_t i = 0; i < n; i++)
        token[i] = i < period ? o->first + lte_draw_below(&draw, o->symbols) : token[i - period];
    for (uint32_t i = 0; i < n; i++) // nothing tells where the first repetition begins
        target[i] = i >= period || data->options.all_targets ? token[(i + 1) % period] : LTE_IGNORE;
    lte_fill_segment(fill, n);
    return LTE_OK;
}

static const struct lte_data_kind kind = {.name = "copy", .put = put};

static enum lte_status check(const struct lte_context *c, const struct lte_copy_options *o,
                             uint32_t shortest)
{
    if (!o->shortest || o->shortest > o->longest)
        return lte_fail(c, LTE_ERR_ARGUMENT, "copy: no segment has a length in %u..%u", o->shortest,
                        o->longest);
    if (!o->symbols || o->symbols > LTE_IGNORE / 2 || o->first > LTE_IGNORE / 2)
        return lte_fail(c, LTE_ERR_ARGUMENT, "copy: ids from %u on, %u of them", o->first,
                        o->symbols);
    if (shortest < 2)
        return lte_fail(c, LTE_ERR_ARGUMENT, "copy: nothing is repeated in a sequence of %u",
                        shortest);
    return LTE_OK;
}

enum lte_status lte_data_copy(struct lte_context *context, const struct lte_copy_options *copy,
                              const struct lte_data_options *options, struct lte_data **data)
{
    struct lte_data *d;
    if (data)
        *data = NULL;
    if (!context || !data)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_data_new(context, &kind, sizeof(struct copy), options, &d));
    struct lte_copy_options *o = &((struct copy *)d)->options;
    if (copy)
        *o = *copy;
    else
        lte_copy_options_init(o);
    d->vocabulary = o->first + o->symbols;
    return lte_data_done(d, check(context, o, d->options.shortest), data);
}
