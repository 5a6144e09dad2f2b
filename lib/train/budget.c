// SPDX-License-Identifier: BSD-2-Clause
// The controller of the retention budget.
#include "config.h"

#include "lib/train/budget.h"

#include <string.h>

#include "lib/context.h"
#include "lib/op.h"

static size_t lte_layers(const struct lte_model *m)
{
    size_t n = 0;
    for (uint32_t i = 0; i < m->layers; i++)
        n += m->layer[i].mixer == LTE_MIXER_LTE;
    return n;
}

static const struct lte_attention *first_attention(const struct lte_model *m)
{
    uint32_t i = 0;
    while (m->layer[i].mixer != LTE_MIXER_LTE)
        i++;
    return &m->layer[i].attention;
}

// The scorer's receptive field without its middle, halved.
static size_t margin_of(const struct lte_eviction *e)
{
    size_t reach = 1;
    for (uint32_t i = 0; i < e->convs; i++)
        reach += (size_t)(e->kernel[i] - 1) * e->dilation[i];
    return reach / 2;
}

static void number_layers(struct lte_budget *b, const struct lte_model *m)
{
    for (size_t slot = 0, layer = 0; slot < b->slots; slot++) {
        const bool is_lte = m->layer[slot % m->layers].mixer == LTE_MIXER_LTE;
        layer = slot % m->layers == 0 ? 0 : layer;
        b->layer_of_slot[slot] = is_lte ? (uint32_t)layer++ : UINT32_MAX;
    }
}

// Everything in one block: the struct, four arrays of doubles, lambda, the slots.
static struct lte_budget *new_block(const struct lte_context *c, size_t pairs, size_t slots)
{
    const size_t head = lte_align(sizeof(struct lte_budget)), doubles = pairs * sizeof(double);
    const size_t size = head + 4 * doubles + pairs * sizeof(float) + slots * sizeof(uint32_t);
    struct lte_budget *b = lte_alloc_zero(c, size);
    if (!b)
        return NULL;
    double *array = (double *)(void *)((unsigned char *)b + head);
    b->size = size;
    b->score_sum = array;
    b->positive = array + pairs;
    b->num_kept = array + 2 * pairs;
    b->step_kept = array + 3 * pairs;
    b->lambda = (float *)(void *)(array + 4 * pairs);
    b->layer_of_slot = (uint32_t *)(void *)(b->lambda + pairs);
    return b;
}

enum lte_status lte_budget_new(const struct lte_model *m, size_t longest, uint32_t micros,
                               struct lte_budget **budget)
{
    const size_t layers = lte_layers(m);
    *budget = NULL;
    if (layers == 0)
        return LTE_OK;
    const struct lte_attention *a = first_attention(m);
    const size_t pairs = layers * a->key_heads, slots = (size_t)m->layers * m->loops;
    struct lte_budget *b = new_block(m->context, pairs, slots);
    if (!b)
        return lte_fail_memory(m->context, "the retention budget", pairs * 5 * sizeof(double));
    b->config = m->budget;
    b->layers = layers;
    b->heads = a->key_heads;
    b->buffer = a->evict.buffer;
    b->margin = margin_of(&a->evict);
    b->slots = slots;
    b->loops = m->loops;
    b->micros = micros;
    number_layers(b, m);
    for (size_t i = 0; i < pairs; i++)
        b->num_kept[i] = (double)(float)longest;
    lte_budget_begin_step(b, 1);
    *budget = b;
    return LTE_OK;
}

void lte_budget_free(const struct lte_context *context, struct lte_budget *budget)
{
    if (budget)
        lte_release(context, budget, budget->size);
}

void lte_budget_begin_step(struct lte_budget *b, uint64_t step)
{
    b->step = step;
    b->enabled = step > b->config.warmup_steps;
    b->settled = (b->last_step && step > b->last_step) || (b->met && step > b->met);
    b->routing_grad = b->enabled && b->config.routing_grad && !b->settled;
    b->frozen = step <= b->config.freeze_steps || b->settled;
    b->micros_done = 0;
    memset(b->step_kept, 0, b->layers * b->heads * sizeof *b->step_kept);
}

// A layer that runs several times counts as the mean of its runs.
static double mean_over(const struct lte_budget *b, size_t of)
{
    return of ? 1 / ((double)of * (double)b->loops) : 0;
}

void lte_budget_begin_micro(struct lte_budget *b, const size_t *segment, size_t segments)
{
    b->rows = 0;
    b->sequences = 0;
    for (size_t i = 0; i < segments; i++) {
        b->rows += segment[i] > b->margin ? segment[i] - b->margin : 0;
        b->sequences += segment[i] > b->margin;
    }
    b->scale = b->settled ? 0 : mean_over(b, b->rows * b->layers * b->heads) / b->micros;
    memset(b->score_sum, 0, b->layers * b->heads * sizeof *b->score_sum);
    memset(b->positive, 0, b->layers * b->heads * sizeof *b->positive);
}

double lte_budget_end_micro(struct lte_budget *b)
{
    const double of_sequences = mean_over(b, b->sequences);
    double l1 = 0;
    for (size_t i = 0; i < b->layers * b->heads; i++) {
        l1 += (double)b->lambda[i] * b->score_sum[i];
        b->step_kept[i] += b->positive[i] * of_sequences;
    }
    b->micros_done += b->sequences > 0;
    return b->settled ? 0 : l1 * mean_over(b, b->rows * b->layers * b->heads);
}

static void average(struct lte_budget *b)
{
    const double part = 2 / (1 + (double)(b->config.update_steps / 2));
    for (size_t i = 0; b->micros_done && i < b->layers * b->heads; i++) {
        const double kept = b->step_kept[i] / b->micros_done;
        b->num_kept[i] = (double)(float)((1 - part) * b->num_kept[i] + part * kept);
    }
}

// The rule for one lambda, in fp32 as the reference has it: a multiple of the buffer is neither
// more nor less than itself.
static float moved(const struct lte_budget *b, float lambda, float kept)
{
    const struct lte_budget_config *c = &b->config;
    const bool large = kept > (float)((double)b->buffer * c->tolerate[0]);
    const bool small = kept < (float)((double)b->buffer * c->tolerate[1]);
    if (b->step / c->update_steps == c->initial_steps / c->update_steps + 1)
        return large ? (float)c->lambda_init : 0;
    if (large && !small)
        lambda *= (float)c->alpha;
    else if (small && !large)
        lambda *= (float)(1 / c->alpha_neg);
    if (lambda > (float)c->lambda_max)
        lambda = (float)c->lambda_max;
    if (lambda < (float)c->lambda_min)
        lambda = 0;
    return lambda == 0 && large ? (float)c->lambda_min : lambda;
}

// Layers and heads that have one lambda lie together.
static size_t sharing(const struct lte_budget *b)
{
    const size_t pairs = b->layers * b->heads;
    return b->config.shared == LTE_LAMBDA_ALL ? pairs
           : b->config.shared == LTE_LAMBDA_LAYER ? b->heads : 1;
}

// The count that lambda `i` and those that share it are moved by.
static float kept_of(const struct lte_budget *b, size_t i, size_t shared)
{
    double kept = 0;
    for (size_t j = 0; j < shared; j++)
        kept += b->num_kept[i + j];
    return (float)(kept / (double)shared);
}

static void update(struct lte_budget *b)
{
    const size_t shared = sharing(b);
    for (size_t i = 0; i < b->layers * b->heads; i += shared) {
        const float lambda = moved(b, b->lambda[i], kept_of(b, i, shared));
        for (size_t j = 0; j < shared; j++)
            b->lambda[i + j] = lambda;
    }
}

// Whether no count is above the band in which lambda stays.
static bool is_met(const struct lte_budget *b)
{
    const size_t shared = sharing(b);
    bool met = true;
    for (size_t i = 0; i < b->layers * b->heads; i += shared)
        met &= kept_of(b, i, shared) < (float)((double)b->buffer * b->config.tolerate[1]);
    return met;
}

void lte_budget_end_step(struct lte_budget *b)
{
    average(b);
    if (b->settled || b->step <= b->config.initial_steps || b->step % b->config.update_steps)
        return;
    update(b);
    if (b->settle && b->enabled && !b->frozen && is_met(b))
        b->met = b->step;
}

size_t lte_budget_lambdas(const struct lte_budget *b)
{
    return b->layers * b->heads / sharing(b);
}

void lte_budget_export(const struct lte_budget *b, float *l1_lambda, float *num_kept)
{
    for (size_t i = 0; i < lte_budget_lambdas(b); i++)
        l1_lambda[i] = b->lambda[i * sharing(b)];
    for (size_t i = 0; i < b->layers * b->heads; i++)
        num_kept[i] = (float)b->num_kept[i];
}

void lte_budget_import(struct lte_budget *b, const float *l1_lambda, const float *num_kept)
{
    for (size_t i = 0; i < b->layers * b->heads; i++) {
        b->lambda[i] = l1_lambda[i / sharing(b)];
        b->num_kept[i] = (double)num_kept[i];
    }
}
