// SPDX-License-Identifier: BSD-2-Clause
// The teacher's forward pass is run before the model's, and its logits made block by block beside
// the model's: never more than two blocks of logits are held.
#include "config.h"

#include "lib/train/distill.h"

#include <assert.h>

#include "lib/graph.h"
#include "lib/train/reverse.h"

enum { ROWS = 8 };

struct distill {
    struct lte_objective base;
    const struct lte_context *context;
    struct lte_graph *graph;
    struct lte_reverse teacher;
    size_t exits, rows, vocabulary;
    float temperature;
    bool every;
    double *loss;     // [rows]
    float *chance;    // [threads][vocabulary]
};

static void begin(struct lte_objective *o, struct lte_par *par, const struct lte_reverse_run *run)
{
    lte_reverse_follow(&((struct distill *)o)->teacher, par, run);
}

static bool wants(const struct lte_objective *o, size_t exit)
{
    const struct distill *d = (const struct distill *)o;
    return d->every || exit + 1 == d->exits;
}

struct work {
    const struct distill *distill;
    const struct lte_kernels *kernels;
    float *own, *teacher;   // logits
    float *gradient;        // or NULL
    size_t rows;
    double weight;
};

static void scale_row(float *x, size_t n, float factor)
{
    for (size_t i = 0; factor != 1 && i < n; i++)
        x[i] *= factor;
}

// With a cross-entropy whose target is 0: the softmax less that one, and the log of the sum.
static double softmax(const struct work *w, const float *x, float *p)
{
    bool first;
    const double loss = w->kernels->cross_entropy(x, w->distill->vocabulary, 0, 1, p, &first);
    if (p)
        p[0] += 1;
    return loss + x[0];
}

static double row(const struct work *w, float *own, float *teacher, float *gradient, float *chance)
{
    const size_t n = w->distill->vocabulary;
    const float heat = w->distill->temperature;
    const float factor = (float)(w->distill->base.scale * w->weight) * heat;
    double sum = 0;
    scale_row(own, n, 1 / heat);
    scale_row(teacher, n, 1 / heat);
    const double log_teacher = softmax(w, teacher, chance), log_own = softmax(w, own, gradient);
    for (size_t i = 0; i < n; i++)
        sum += chance[i] * ((double)teacher[i] - own[i]);
    for (size_t i = 0; gradient && i < n; i++)
        gradient[i] = factor * (gradient[i] - chance[i]);
    return w->weight * heat * heat * (sum - log_teacher + log_own);
}

static void rows(void *arg, size_t item, unsigned thread)
{
    const struct work *w = arg;
    const size_t n = w->distill->vocabulary, end = (item + 1) * ROWS;
    float *chance = w->distill->chance + thread * n;
    for (size_t r = item * ROWS; r < end && r < w->rows; r++)
        w->distill->loss[r] = row(w, w->own + r * n, w->teacher + r * n,
                                  w->gradient ? w->gradient + r * n : NULL, chance);
}

static struct lte_loss loss(struct lte_objective *o, struct lte_tape *t, size_t exit,
                            const struct lte_loss_block *block, float *gradient)
{
    struct distill *d = (struct distill *)o;
    const struct lte_exec *x = &t->exec;
    struct lte_loss sum = lte_count_right(x->par, block);
    // A teacher that has as many exits is asked at the same one, another for its last logits.
    const size_t last = d->graph->exits - 1;
    struct work w = {.distill = d,
                     .kernels = x->kernels,
                     .own = x->logits,
                     .teacher = lte_reverse_logits(&d->teacher, exit + 1 < d->exits ? exit : last,
                                                   x->first, x->rows),
                     .gradient = gradient,
                     .rows = x->rows,
                     .weight = d->every ? 1 / (double)d->exits : 1};
    assert(x->rows <= d->rows && x->rows <= d->teacher.plan.block);
    lte_exec_for(x, (w.rows + ROWS - 1) / ROWS, rows, &w);
    for (size_t r = 0; r < w.rows; r++)
        sum.sum += d->loss[r];
    return sum;
}

static enum lte_status prepare(struct distill *d, const struct lte_model *teacher,
                               const struct lte_tape_limits *limits)
{
    const struct lte_context *c = d->context;
    const struct lte_graph_spec spec = {.model = teacher, .exits = d->exits > 1, .frozen = true};
    LTE_TRY(lte_graph_build_training(&spec, &d->graph));
    LTE_TRY(lte_reverse_init(&d->teacher, c, d->graph, limits, false));
    d->loss = lte_alloc_array(c, d->rows, sizeof *d->loss);
    d->chance = lte_alloc_array(c, c->threads * d->vocabulary, sizeof *d->chance);
    return d->loss && d->chance ? LTE_OK
                                : lte_fail_memory(c, "the loss", c->threads * d->vocabulary * 4);
}

enum lte_status lte_distill_new(const struct lte_model *teacher, const struct lte_distill_settings *s,
                                struct lte_objective **objective)
{
    const struct lte_context *c = teacher->context;
    struct distill *d = lte_alloc_zero(c, sizeof *d);
    *objective = NULL;
    if (!d)
        return lte_fail_memory(c, "the loss", sizeof *d);
    *d = (struct distill){.base = {.begin = begin, .wants = wants, .loss = loss},
                          .context = c,
                          .exits = s->exits,
                          .rows = s->block,
                          .vocabulary = teacher->vocabulary,
                          .temperature = (float)s->temperature};
    const enum lte_status status = prepare(d, teacher, &s->limits);
    if (status == LTE_OK)
        *objective = &d->base;
    else
        lte_distill_free(&d->base);
    return status;
}

void lte_distill_free(struct lte_objective *objective)
{
    struct distill *d = (struct distill *)objective;
    if (!d)
        return;
    const struct lte_context *c = d->context;
    lte_reverse_end(&d->teacher);
    lte_graph_free(c, d->graph);
    lte_release(c, d->loss, d->rows * sizeof *d->loss);
    lte_release(c, d->chance, c->threads * d->vocabulary * sizeof *d->chance);
    lte_release(c, d, sizeof *d);
}

void lte_distill_every(struct lte_objective *objective, bool every)
{
    ((struct distill *)objective)->every = every;
}

size_t lte_distill_bytes(const struct lte_objective *objective)
{
    const struct distill *d = (const struct distill *)objective;
    return d->teacher.plan.total + d->rows * sizeof *d->loss +
           d->context->threads * d->vocabulary * sizeof *d->chance;
}
