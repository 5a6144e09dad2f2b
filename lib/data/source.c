// SPDX-License-Identifier: BSD-2-Clause
// Sources of training data: options, and the loop that fills a micro-batch with items.
#include "config.h"

#include "lib/data/source.h"

#include "lib/random.h"

void lte_data_options_init(struct lte_data_options *options)
{
    if (options)
        *options = (struct lte_data_options){
            .rows = 4096, .shortest = 512, .longest = 512, .micro_batches = 1};
}

bool lte_fill_room(struct lte_fill *fill, size_t rows)
{
    if (rows > fill->limit - fill->rows)
        fill->full = true;
    return !fill->full;
}

void lte_fill_segment(struct lte_fill *fill, size_t rows)
{
    fill->batch->segment[fill->segments++] = rows;
    fill->rows += rows;
}

static enum lte_status check_options(const struct lte_context *c, const char *name,
                                     const struct lte_data_options *o)
{
    if (!o->shortest || o->shortest > o->longest)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s: no length lies in %u..%u", name, o->shortest,
                        o->longest);
    if (o->longest > o->rows)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s: sequences of %u tokens in micro-batches of %u",
                        name, o->longest, o->rows);
    if (o->rows >= LTE_IGNORE / 2)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s: micro-batches of %u tokens", name, o->rows);
    if (!o->micro_batches)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s: no micro-batches", name);
    return LTE_OK;
}

enum lte_status lte_data_new(const struct lte_context *context, const struct lte_data_kind *kind,
                             size_t bytes, const struct lte_data_options *options,
                             struct lte_data **data)
{
    struct lte_data_options defaults;
    lte_data_options_init(&defaults);
    const struct lte_data_options *o = options ? options : &defaults;
    *data = NULL;
    LTE_TRY(check_options(context, kind->name, o));
    struct lte_data *d = lte_alloc_zero(context, bytes);
    if (!d)
        return lte_fail_memory(context, "a source of data", bytes);
    d->context = context;
    d->kind = kind;
    d->bytes = bytes;
    d->options = *o;
    d->key = lte_random_key(o->seed, kind->name);
    d->item_rows = o->shortest;
    d->longest = o->longest;
    d->item_segments = 1;
    lte_data_measure(d);
    *data = d;
    return LTE_OK;
}

void lte_data_measure(struct lte_data *data)
{
    data->rows = data->options.rows;
    data->items = data->rows / data->item_rows;
    const uint64_t segments = (uint64_t)data->items * data->item_segments;
    data->segments = segments < data->rows ? (uint32_t)segments : data->rows;
}

enum lte_status lte_data_done(struct lte_data *data, enum lte_status status, struct lte_data **made)
{
    if (status == LTE_OK)
        *made = data;
    else
        lte_data_free(data);
    return status;
}

void lte_data_free(struct lte_data *data)
{
    if (!data)
        return;
    if (data->kind->free)
        data->kind->free(data);
    lte_release(data->context, data, data->bytes);
}

void lte_data_size(const struct lte_data *data, uint32_t *rows, uint32_t *segments)
{
    if (rows)
        *rows = data ? data->rows : 0;
    if (segments)
        *segments = data ? data->segments : 0;
}

uint32_t lte_data_vocabulary(const struct lte_data *data)
{
    return data ? data->vocabulary : 0;
}

static enum lte_status fill_items(struct lte_data *d, uint64_t step, uint32_t micro,
                                  struct lte_batch *batch)
{
    const uint64_t first = (step * d->options.micro_batches + micro) * d->items;
    struct lte_fill fill = {.batch = batch, .limit = d->rows};
    for (uint32_t i = 0; i < d->items && !fill.full; i++)
        LTE_TRY(d->kind->put(d, step, first + i, &fill));
    batch->rows = fill.rows;
    batch->segments = fill.segments;
    return LTE_OK;
}

enum lte_status lte_data_batch(void *data, uint64_t step, uint32_t micro, struct lte_batch *batch)
{
    struct lte_data *d = data;
    if (!d || !batch || !batch->token || !batch->target || !batch->segment)
        return LTE_ERR_ARGUMENT;
    while (d->kind->pick)
        d = d->kind->pick(d, step, micro);
    if (micro >= d->options.micro_batches)
        return lte_fail(d->context, LTE_ERR_ARGUMENT, "%s: micro-batch %u of %u", d->kind->name,
                        micro, d->options.micro_batches);
    if (batch->rows < d->rows || batch->segments < d->segments)
        return lte_fail(d->context, LTE_ERR_SPACE,
                        "%s: a micro-batch takes %u rows and %u sequences, there is room for "
                        "%zu and %zu", d->kind->name, d->rows, d->segments, batch->rows,
                        batch->segments);
    return fill_items(d, step, micro, batch);
}
