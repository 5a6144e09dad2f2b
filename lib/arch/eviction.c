// SPDX-License-Identifier: BSD-2-Clause
// Learnable token eviction: the keys of its router, its weights and the buffers of its training.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "lib/arch/fla.h"

// Keys that only training looks at; they must be there and sound, because a config without them is
// not one of these models.
static void training_keys(struct lte_config *c, struct lte_model *model)
{
    static const char *const sharing[] = {"all", "layer", "head", NULL}; // as LTE_LAMBDA_ALL, ...
    static const struct lte_config_harmless written_back[] = {
        {"receptive_margin", LTE_CONFIG_INTEGER}, // the reference adds it when it runs
        {NULL, LTE_CONFIG_ANY},
    };
    struct lte_budget_config *b = &model->budget;
    b->dropout = (float)lte_config_number(c, "dropout_prob", 0, 1);
    b->routing_grad = lte_config_bool(c, "routing_grad");
    b->lambda_init = lte_config_number(c, "l1_lambda_init", 0, 1e30);
    b->lambda_min = lte_config_number(c, "l1_lambda_min", 0, 1e30);
    b->lambda_max = lte_config_number(c, "l1_lambda_max", 0, 1e30);
    b->alpha = lte_config_number(c, "l1_alpha", 0, 1e30);
    b->alpha_neg = lte_config_number(c, "l1_alpha_neg", 1e-30, 1e30);
    b->freeze_steps = lte_config_u32(c, "routing_freeze_steps", 0, INT32_MAX);
    b->warmup_steps = lte_config_u32(c, "l1_warmup_steps", 0, INT32_MAX);
    b->initial_steps = lte_config_u32(c, "l1_lambda_initial_steps", 0, INT32_MAX);
    b->update_steps = lte_config_u32(c, "l1_lambda_update_steps", 1, INT32_MAX);
    model->lambda_dims = lte_config_choice(c, "l1_lambda_shared", sharing);
    b->shared = model->lambda_dims;
    lte_config_ignore(c, written_back);
}

// [low, high]: the band of kept tokens, relative to the buffer, in which lambda stays.
static void tolerance_keys(struct lte_config *c, struct lte_model *model)
{
    double pair[2] = {0, 0};
    const uint32_t count = lte_config_numbers(c, "l1_lambda_tolerate", 0, 1e6, pair, 2);
    if (count != 2 || pair[0] > pair[1])
        lte_config_fail(c, LTE_ERR_FORMAT, "l1_lambda_tolerate", "must be two rising numbers");
    model->budget.tolerate[0] = pair[0];
    model->budget.tolerate[1] = pair[1];
}

static void router_keys(struct lte_config *c, struct lte_attention *a)
{
    static const char *const methods[] = {"sigmoid", "relu", NULL};
    static const char *const sharing[] = {"head", "layer", "all", NULL};
    struct lte_eviction *e = &a->evict;
    e->relu = lte_config_choice(c, "routing_method", methods) == 1;
    const unsigned shared = lte_config_choice(c, "routing_shared", sharing);
    e->per_head = shared == 0;
    e->per_model = shared == 2;
    e->convs = lte_config_list(c, "conv_size", 1, LTE_MAX_TAPS, e->kernel, LTE_ROUTER_CONVS);
    const uint32_t n =
        lte_config_list(c, "conv_dilation", 1, LTE_MAX_TAPS, e->dilation, LTE_ROUTER_CONVS);
    if (e->convs == 0 || n != e->convs)
        lte_config_fail(c, LTE_ERR_FORMAT, "conv_size",
                        "has %u entries, conv_dilation has %u; they must be as many, at least one",
                        (unsigned)e->convs, (unsigned)n);
    for (uint32_t i = 0; i < e->convs; i++)
        if (e->kernel[i] % 2 == 0)
            lte_config_fail(c, LTE_ERR_UNSUPPORTED, "conv_size",
                            "has the even size %u; only odd ones look equally far both ways",
                            (unsigned)e->kernel[i]);
    const uint32_t halvings = e->convs ? e->convs - 1 : 0;
    if (a->head_dim >> halvings == 0 || a->head_dim % (1u << halvings))
        lte_config_fail(c, LTE_ERR_FORMAT, "conv_size",
                        "has %u entries, but heads of %u cannot be halved %u times",
                        (unsigned)e->convs, (unsigned)a->head_dim, (unsigned)halvings);
}

// A token's score must be complete when the token leaves the window.
static void window_keys(struct lte_config *c, struct lte_attention *a)
{
    struct lte_eviction *e = &a->evict;
    uint32_t margin = 0;
    for (uint32_t i = 0; i < e->convs; i++)
        margin += (e->kernel[i] - 1) / 2 * e->dilation[i];
    const uint32_t window = lte_config_u32(c, "window_size", 1, LTE_MAX_TOKENS);
    if (window < margin)
        lte_config_fail(c, LTE_ERR_UNSUPPORTED, "window_size",
                        "is %u, but the router looks %u tokens ahead", (unsigned)window,
                        (unsigned)margin);
    a->window = window + 1; // the reference's rule is i - j <= window_size
    e->buffer = lte_config_u32(c, "buffer_size", 1, LTE_MAX_TOKENS);
    e->sinks = lte_config_u32(c, "sink_size", 0, LTE_MAX_TOKENS);
    if (e->buffer < e->sinks)
        lte_config_fail(c, LTE_ERR_UNSUPPORTED, "buffer_size",
                        "is %u, less than the %u sinks that it must hold", (unsigned)e->buffer,
                        (unsigned)e->sinks);
}

void lte_eviction_configure(struct lte_config *config, struct lte_model *model,
                            struct lte_attention *attention)
{
    router_keys(config, attention);
    window_keys(config, attention);
    training_keys(config, model);
    tolerance_keys(config, model);
}

// The layer whose router all others share: the first that has one.
static const struct lte_eviction *first_router(const struct lte_model *m)
{
    uint32_t n = 0;
    while (m->layer[n].mixer != LTE_MIXER_LTE)
        n++;
    return &m->layer[n].attention.evict;
}

static void router_weight(struct lte_walk *w, const struct lte_tensor **slot,
                          const struct lte_tensor *const *first, const char *suffix,
                          struct lte_init init, unsigned dims, const uint64_t *shape)
{
    // "all": the reference's layers hold one and the same router, which a writer may save once.
    w->twin = slot != first ? first : NULL;
    w->router = true;
    lte_walk_weight(w, slot, suffix, init, dims, shape);
    w->router = false;
    w->twin = NULL;
}

void lte_eviction_weights(struct lte_walk *walk, struct lte_attention *a)
{
    struct lte_eviction *e = &a->evict;
    const struct lte_eviction *first = e->per_model ? first_router(walk->model) : e;
    const uint64_t groups = e->per_head ? a->key_heads : 1;
    uint64_t in = 2 * (uint64_t)a->head_dim, out = a->head_dim; // channels of a group
    char suffix[64];
    for (uint32_t i = 0; i < e->convs; i++) {
        const double fan_in = (double)in * e->kernel[i];
        snprintf(suffix, sizeof suffix, "router.conv_stack.convs.%u.weight", (unsigned)i);
        router_weight(walk, &e->conv_weight[i], &first->conv_weight[i], suffix,
                      lte_init_normal(sqrt(2 / fan_in)),
                      LTE_SHAPE(groups * out, in, 1, e->kernel[i]));
        snprintf(suffix, sizeof suffix, "router.conv_stack.convs.%u.bias", (unsigned)i);
        router_weight(walk, &e->conv_bias[i], &first->conv_bias[i], suffix,
                      lte_init_uniform(1 / sqrt(fan_in)), LTE_SHAPE(groups * out));
        in = out;
        out /= 2;
    }
    router_weight(walk, &e->proj_weight, &first->proj_weight, "router.conv_stack.proj.weight",
                  lte_init_normal(sqrt(2 / (double)in)), LTE_SHAPE(groups, in, 1, 1));
    // 0.5 makes nearly every fresh score positive: training starts from keeping everything.
    router_weight(walk, &e->proj_bias, &first->proj_bias, "router.conv_stack.proj.bias",
                  lte_init_constant(0.5), LTE_SHAPE(groups));
}

void lte_eviction_buffers(struct lte_walk *walk)
{
    const struct lte_model *m = walk->model;
    uint64_t layers = 0, heads = 0;
    for (uint32_t n = 0; n < m->layers; n++) {
        if (m->layer[n].mixer == LTE_MIXER_LTE) {
            layers++;
            heads = m->layer[n].attention.key_heads;
        }
    }
    if (layers == 0)
        return;
    const uint64_t shape[] = {layers, heads};
    lte_walk_buffer(walk, "l1_lambda", m->lambda_dims, shape);
    lte_walk_buffer(walk, "num_kept", 2, shape);
}
