// SPDX-License-Identifier: BSD-2-Clause
// Multi-query associative recall, as Arora et al. generate it: pairs first, then queries.
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "lib/data/draw.h"
#include "lib/data/source.h"
#include "lib/random.h"

// A place for a query and when its turn to be drawn comes.
struct place {
    double turn;
    uint32_t index;
};

struct mqar {
    struct lte_data base;
    struct lte_mqar_options options;
    size_t places_size;
    double *delay;       // [places]: 1 / weight
    struct place *place; // [places]
};

void lte_mqar_options_init(struct lte_mqar_options *options)
{
    if (options)
        *options = (struct lte_mqar_options){.vocabulary = 8192, .fewest = 4, .pairs = 4,
                                             .passes = 1, .power = 0.01, .random_others = 1};
}

static int by_turn(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->turn != y->turn)
        return x->turn < y->turn ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

// Orders the places as drawing without replacement does, each with a probability proportional to
// its weight: by exponential waiting times, whose rates are the weights (Efraimidis and Spirakis
// 2006).
static void draw_places(struct mqar *m, struct lte_draw *draw, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        m->place[i] = (struct place){-lte_exact_log(lte_draw_uniform(draw)) * m->delay[i], i};
    qsort(m->place, count, sizeof *m->place, by_turn);
}

static uint32_t draw_pairs(const struct mqar *m, struct lte_draw *draw, uint32_t length)
{
    const uint32_t fit = length / (2 * m->options.passes + 2);
    return lte_draw_range(draw, m->options.fewest,
                          fit < m->options.pairs ? fit : m->options.pairs);
}

static void write_sequence(struct mqar *m, struct lte_draw *draw, uint32_t n, uint32_t *token,
                           uint32_t *target)
{
    const struct lte_mqar_options *o = &m->options;
    const uint32_t pairs = draw_pairs(m, draw, n), context = 2 * pairs * o->passes;
    const uint32_t lower = o->vocabulary / 2, upper = o->vocabulary - lower;
    const uint64_t key_order = lte_draw_bits(draw), value_order = lte_draw_bits(draw);
    for (uint32_t i = context; i < n; i++)
        token[i] = o->first + (o->random_others ? lte_draw_below(draw, o->vocabulary) : 0);
    draw_places(m, draw, (n - context) / 2);
    for (uint32_t i = 0; i < n; i++)
        target[i] = LTE_IGNORE;
    for (uint32_t p = 0; p < pairs; p++) {
        const uint32_t key = o->first + 1 + (uint32_t)lte_permute(key_order, lower - 1, p);
        const uint32_t value = o->first + lower + (uint32_t)lte_permute(value_order, upper, p);
        for (uint32_t pass = 0; pass < o->passes; pass++) {
            token[2 * (pass * pairs + p)] = key;
            token[2 * (pass * pairs + p) + 1] = value;
        }
        const uint32_t at = context + 2 * m->place[p].index;
        token[at] = key;
        target[at] = value;
    }
    for (uint32_t i = 0; m->base.options.all_targets && i + 1 < n; i++)
        if (target[i] == LTE_IGNORE)
            target[i] = token[i + 1];
}

static enum lte_status put(struct lte_data *data, uint64_t step, uint64_t number,
                           struct lte_fill *fill)
{
    struct mqar *m = (struct mqar *)data;
    struct lte_draw draw = lte_draw_begin(data->key, number);
    const uint32_t n = lte_draw_range(&draw, data->item_rows / 2, data->longest / 2) * 2;
    (void)step;
    if (!lte_fill_room(fill, n))
        return LTE_OK;
    write_sequence(m, &draw, n, fill->batch->token + fill->rows, fill->batch->target + fill->rows);
    lte_fill_segment(fill, n);
    return LTE_OK;
}

static void release(struct lte_data *data)
{
    struct mqar *m = (struct mqar *)data;
    lte_release(data->context, m->place, m->places_size * sizeof *m->place);
    lte_release(data->context, m->delay, m->places_size * sizeof *m->delay);
}

static const struct lte_data_kind kind = {.name = "mqar", .put = put, .free = release};

static enum lte_status check(const struct lte_context *c, const struct lte_mqar_options *o,
                             uint32_t shortest, uint32_t longest)
{
    const uint64_t taken = (uint64_t)o->fewest * (2 * (uint64_t)o->passes + 2);
    if (!o->fewest || o->fewest > o->pairs || !o->passes)
        return lte_fail(c, LTE_ERR_ARGUMENT, "mqar: %u..%u pairs, %u passes", o->fewest, o->pairs,
                        o->passes);
    if (taken > shortest)
        return lte_fail(c, LTE_ERR_ARGUMENT, "mqar: %u pairs take %llu tokens, a sequence has %u",
                        o->fewest, (unsigned long long)taken, shortest);
    if (longest >= o->vocabulary || o->pairs > o->vocabulary / 2 - 1)
        return lte_fail(c, LTE_ERR_ARGUMENT, "mqar: %u pairs in %u tokens of a vocabulary of %u",
                        o->pairs, longest, o->vocabulary);
    if (o->vocabulary > LTE_IGNORE / 2 || o->first > LTE_IGNORE / 2)
        return lte_fail(c, LTE_ERR_ARGUMENT, "mqar: ids from %u on, %u of them", o->first,
                        o->vocabulary);
    if (!(fabs(o->power) <= 8)) // as far as lte_exact_exp() reaches
        return lte_fail(c, LTE_ERR_ARGUMENT, "mqar: a power of %g", o->power);
    return LTE_OK;
}

static enum lte_status prepare(struct mqar *m)
{
    const struct lte_context *c = m->base.context;
    m->places_size = m->base.longest / 2;
    m->place = lte_alloc_array(c, m->places_size, sizeof *m->place);
    m->delay = lte_alloc_array(c, m->places_size, sizeof *m->delay);
    if (!m->place || !m->delay)
        return lte_fail_memory(c, "the places of queries", m->places_size * sizeof *m->place);
    for (size_t i = 0; i < m->places_size; i++)
        m->delay[i] = lte_exact_exp((1 - m->options.power) * lte_exact_log((double)(i + 1)));
    return LTE_OK;
}

enum lte_status lte_data_mqar(struct lte_context *context, const struct lte_mqar_options *mqar,
                              const struct lte_data_options *options, struct lte_data **data)
{
    struct lte_data *d;
    if (data)
        *data = NULL;
    if (!context || !data)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_data_new(context, &kind, sizeof(struct mqar), options, &d));
    struct mqar *m = (struct mqar *)d;
    if (mqar)
        m->options = *mqar;
    else
        lte_mqar_options_init(&m->options);
    d->item_rows -= d->item_rows % 2;
    d->longest -= d->longest % 2;
    enum lte_status status = check(context, &m->options, d->item_rows, d->longest);
    if (status == LTE_OK)
        status = prepare(m);
    if (status == LTE_OK)
        lte_data_measure(d);
    d->vocabulary = m->options.first + m->options.vocabulary;
    return lte_data_done(d, status, data);
}
