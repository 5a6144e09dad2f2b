// SPDX-License-Identifier: BSD-2-Clause
// Sources made of sources: mixtures, curricula and turns.
#include "config.h"

#include <math.h>

#include "lib/data/draw.h"
#include "lib/data/source.h"

struct part {
    struct lte_data *source;
    double until;   // mix: the sum of the weights so far, as a part of all
    uint64_t first; // phases: the step from which it is used
};

struct combined {
    struct lte_data base;
    struct part *part;
    size_t count;
};

static struct lte_data *pick_phase(struct lte_data *data, uint64_t step, uint32_t micro)
{
    const struct combined *c = (const struct combined *)data;
    size_t i = c->count - 1;
    (void)micro;
    while (c->part[i].first > step)
        i--;
    return c->part[i].source;
}

static struct lte_data *pick_turn(struct lte_data *data, uint64_t step, uint32_t micro)
{
    const struct combined *c = (const struct combined *)data;
    (void)step;
    return c->part[micro % c->count].source;
}

static enum lte_status put_mixed(struct lte_data *data, uint64_t step, uint64_t number,
                                 struct lte_fill *fill)
{
    const struct combined *c = (const struct combined *)data;
    struct lte_draw draw = lte_draw_begin(data->key, number);
    const double x = lte_draw_uniform(&draw);
    size_t i = 0;
    while (i + 1 < c->count && x >= c->part[i].until)
        i++;
    return c->part[i].source->kind->put(c->part[i].source, step, number, fill);
}

// As an item of a mixture: a sequence of the phase.
static enum lte_status put_phase(struct lte_data *data, uint64_t step, uint64_t number,
                                 struct lte_fill *fill)
{
    struct lte_data *source = pick_phase(data, step, 0);
    return source->kind->put(source, step, number, fill);
}

// And of turns, which a mixture does not know: every sequence is another's.
static enum lte_status put_turn(struct lte_data *data, uint64_t step, uint64_t number,
                                struct lte_fill *fill)
{
    const struct combined *c = (const struct combined *)data;
    struct lte_data *source = c->part[number % c->count].source;
    return source->kind->put(source, step, number, fill);
}

static void release(struct lte_data *data)
{
    struct combined *c = (struct combined *)data;
    for (size_t i = 0; i < c->count; i++)
        lte_data_free(c->part[i].source);
    lte_release(data->context, c->part, c->count * sizeof *c->part);
}

static const struct lte_data_kind mix = {.name = "mix", .put = put_mixed, .free = release};
static const struct lte_data_kind phases = {
    .name = "phases", .put = put_phase, .pick = pick_phase, .free = release};
static const struct lte_data_kind turns = {
    .name = "turns", .put = put_turn, .pick = pick_turn, .free = release};

static enum lte_status check_sources(const struct lte_context *c, const char *name,
                                     struct lte_data *const *sources, size_t count)
{
    if (!count)
        return lte_fail(c, LTE_ERR_ARGUMENT, "%s: no sources", name);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j <= i; j++)
            if (!sources[i] || (i != j && sources[i] == sources[j]))
                return lte_fail(c, LTE_ERR_ARGUMENT, "%s: source %zu is %s", name, i,
                                sources[i] ? "there twice" : "NULL");
    return LTE_OK;
}

// A combination without its sources: it gets them when nothing can fail any more.
static enum lte_status make(const struct lte_context *context, const struct lte_data_kind *kind,
                            struct lte_data *const *sources, size_t count,
                            const struct lte_data_options *options, struct combined **made)
{
    struct lte_data *d;
    LTE_TRY(check_sources(context, kind->name, sources, count));
    LTE_TRY(lte_data_new(context, kind, sizeof(struct combined), options, &d));
    struct combined *c = (struct combined *)d;
    c->part = lte_alloc_array(context, count, sizeof *c->part);
    if (!c->part) {
        lte_data_free(d);
        return lte_fail_memory(context, "a list of sources", count * sizeof *c->part);
    }
    c->count = count;
    *made = c;
    return LTE_OK;
}

// What the items and micro-batches of the combination are at most.
static void adopt(struct combined *c, struct lte_data *const *sources)
{
    struct lte_data *d = &c->base;
    for (size_t i = 0; i < c->count; i++) {
        const struct lte_data *s = c->part[i].source = sources[i];
        if (!i || s->item_rows < d->item_rows)
            d->item_rows = s->item_rows;
        if (!i || s->longest > d->longest)
            d->longest = s->longest;
        if (s->item_segments > d->item_segments)
            d->item_segments = s->item_segments;
        if (s->vocabulary > d->vocabulary)
            d->vocabulary = s->vocabulary;
    }
}

static enum lte_status set_weights(struct combined *c, struct lte_data *const *sources,
                                   const double *weights)
{
    const struct lte_context *context = c->base.context;
    double sum = 0, until = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (!isfinite(weights[i]) || weights[i] < 0)
            return lte_fail(context, LTE_ERR_ARGUMENT, "mix: weight %zu is %g", i, weights[i]);
        if (sources[i]->longest > c->base.options.rows)
            return lte_fail(context, LTE_ERR_ARGUMENT,
                            "mix: source %zu has sequences of %u tokens, a micro-batch %u", i,
                            sources[i]->longest, c->base.options.rows);
        sum += weights[i];
    }
    if (!(sum > 0) || !isfinite(sum))
        return lte_fail(context, LTE_ERR_ARGUMENT, "mix: the weights add up to %g", sum);
    for (size_t i = 0; i < c->count; i++)
        c->part[i].until = (until += weights[i]) / sum;
    return LTE_OK;
}

// The last source that has a weight must take what rounding leaves over.
static void drop_weightless_end(struct combined *c, const double *weights)
{
    size_t last = c->count - 1;
    while (weights[last] == 0)
        last--;
    for (size_t i = last; i < c->count; i++)
        c->part[i].until = 2;
}

enum lte_status lte_data_mix(struct lte_context *context, struct lte_data *const *sources,
                             const double *weights, size_t count,
                             const struct lte_data_options *options, struct lte_data **data)
{
    struct combined *c;
    struct lte_data_options o;
    if (data)
        *data = NULL;
    if (!context || !data || !sources || !weights)
        return LTE_ERR_ARGUMENT;
    lte_data_options_init(&o);
    if (options)
        o = *options;
    o.shortest = o.longest = 1; // those of the sources count
    LTE_TRY(make(context, &mix, sources, count, &o, &c));
    const enum lte_status status = set_weights(c, sources, weights);
    if (status != LTE_OK) {
        lte_data_free(&c->base);
        return status;
    }
    drop_weightless_end(c, weights);
    adopt(c, sources);
    lte_data_measure(&c->base);
    *data = &c->base;
    return LTE_OK;
}

// The combination hands whole micro-batches over: there is room for the largest of any source.
static void adopt_whole(struct combined *c, struct lte_data *const *sources)
{
    adopt(c, sources);
    c->base.rows = c->base.segments = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct lte_data *s = sources[i];
        c->base.rows = s->rows > c->base.rows ? s->rows : c->base.rows;
        c->base.segments = s->segments > c->base.segments ? s->segments : c->base.segments;
    }
}

enum lte_status lte_data_phases(struct lte_context *context, struct lte_data *const *sources,
                                const uint64_t *first, size_t count, struct lte_data **data)
{
    struct combined *c;
    if (data)
        *data = NULL;
    if (!context || !data || !sources || !first)
        return LTE_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (i ? first[i] <= first[i - 1] : first[i] != 0)
            return lte_fail(context, LTE_ERR_ARGUMENT,
                            "phases: source %zu begins at step %llu", i,
                            (unsigned long long)first[i]);
    LTE_TRY(make(context, &phases, sources, count, NULL, &c));
    adopt_whole(c, sources);
    for (size_t i = 0; i < count; i++)
        c->part[i].first = first[i];
    *data = &c->base;
    return LTE_OK;
}

enum lte_status lte_data_turns(struct lte_context *context, struct lte_data *const *sources,
                               size_t count, struct lte_data **data)
{
    struct combined *c;
    if (data)
        *data = NULL;
    if (!context || !data || !sources)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(make(context, &turns, sources, count, NULL, &c));
    adopt_whole(c, sources);
    *data = &c->base;
    return LTE_OK;
}
