// SPDX-License-Identifier: BSD-2-Clause
// AdamW by blocks of the flat arrays.
#include "config.h"

#include "lib/train/adamw.h"

#include <math.h>

#include "lib/train/piece.h"

enum { BLOCK = 16384 };
enum { PLAIN, ROUTERS, SLOW, GROUPS };

struct update {
    const struct lte_parameters *parameters;
    struct lte_adamw_rates rates[GROUPS][2]; // [group][decays]
};

static void update_block(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct update *u = arg;
    const struct lte_parameters *p = u->parameters;
    const size_t from = item * BLOCK;
    const size_t to = p->elements - from < BLOCK ? p->elements : from + BLOCK;
    for (size_t i = lte_parameter_at(p, from); i < p->count && p->parameter[i].first < to; i++) {
        const struct lte_parameter *q = &p->parameter[i];
        const struct lte_piece piece = lte_parameter_piece(p, i, from, to);
        const size_t at = piece.from;
        if (piece.elements && !lte_parameter_frozen(p, q))
            p->context->kernels.adamw(p->master + at, p->moment1 + at, p->moment2 + at,
                                      p->gradient + at, piece.elements,
                                      &u->rates[q->router ? ROUTERS : q->slow ? SLOW : PLAIN][q->decays]);
    }
}

// What one group of parameters is updated with.
struct group {
    double rate, epsilon;
    uint64_t updates;
};

static struct group group_of(const struct lte_adamw *a, int group)
{
    const struct lte_train_options *o = a->options;
    if (group != ROUTERS)
        return (struct group){a->rate * (group == SLOW ? o->rest_rate : 1), o->epsilon, a->updates};
    return (struct group){a->rate * o->router_rate,
                          o->router_epsilon > 0 ? o->router_epsilon : o->epsilon,
                          a->router_updates ? a->router_updates : 1};
}

static struct lte_adamw_rates rates(const struct lte_adamw *a, const struct group *g, bool decays)
{
    // Without an epsilon a gradient that has always been 0 would give 0/0.
    const double least_epsilon = 1e-20;
    const struct lte_train_options *o = a->options;
    const double seen = (double)g->updates;
    return (struct lte_adamw_rates){
        .gradient = a->gradient_scale,
        .beta1 = (float)o->beta1,
        .gain1 = (float)(1 - o->beta1),
        .beta2 = (float)o->beta2,
        .gain2 = (float)(1 - o->beta2),
        .rate = (float)(g->rate / (1 - pow(o->beta1, seen))),
        .second = (float)(1 / sqrt(1 - pow(o->beta2, seen))),
        .epsilon = (float)(g->epsilon > least_epsilon ? g->epsilon : least_epsilon),
        .decay = decays ? (float)(g->rate * o->weight_decay) : 0,
    };
}

void lte_adamw_update(struct lte_par *par, const struct lte_parameters *p, const struct lte_adamw *a)
{
    struct update u = {.parameters = p};
    for (int group = 0; group < GROUPS; group++) {
        const struct group g = group_of(a, group);
        for (int decays = 0; decays < 2; decays++)
            u.rates[group][decays] = rates(a, &g, decays);
    }
    lte_par_for(par, (p->elements + BLOCK - 1) / BLOCK, update_block, &u);
}
