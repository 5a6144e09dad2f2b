// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of a single token with its neighbours: the short convolution, norms and gates before
// it, and of the gated norm behind it all but the root, which the product after that makes of squares.
#include "config.h"

#include <string.h>

#include "lib/vk/op/linear.h"
#include "lib/vk/ops.h"
#include "simd/delta_rule.h"

enum {
    KEYS = 512,    // values of a key, at most
    LANES = 16,    // threads that share a column
    TAPS = 33,     // of the convolution, at most
    CHANNELS = 128 // of a workgroup of conv_tail
};

// The ops that are done; NULL: not here.
struct layer {
    const struct lte_op *conv, *norm, *gates, *rule, *gated, *linear;
};

static struct layer find(const struct lte_op *first, const struct lte_op *rule)
{
    struct layer l = {.norm = rule - 2, .gates = rule - 1, .rule = rule};
    l.conv = first < l.norm ? first : NULL;
    return l;
}

static struct layer layer_of(const struct lte_graph *g, const struct lte_op *rule,
                             const struct lte_fusion *f)
{
    struct layer l = find(&g->op[f->first], rule);
    if (&g->op[f->last] > rule) {
        l.gated = rule + 1;
        l.linear = rule + 2;
    }
    return l;
}

// delta_step takes a single token.
bool lte_vk_fuses_delta_rule(const struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_fusion f = lte_fusion(e->graph, (size_t)(op - e->graph->op));
    const struct layer l = layer_of(e->graph, op, &f);
    bool single = op->delta_rule.key_dim <= KEYS && (!l.conv || l.conv->short_conv.taps <= TAPS) &&
                  (!l.linear || (lte_vk_fuses_linear(e, l.linear) &&
                                 op->delta_rule.value_heads <= LTE_NORM_MOST &&
                                 op->delta_rule.value_dim % 8 == 0));
    for (size_t i = 0; i < e->groups; i++)
        single = single && e->group[i].rows == 1;
    return single;
}

static size_t decays(const struct lte_op *gates)
{
    return gates->delta_gates.neg_exp_A ? gates->delta_gates.heads : 0;
}

static size_t conv_weights(const struct lte_op *conv)
{
    return conv ? conv->short_conv.taps * conv->short_conv.channels : 0;
}

static size_t norm_weights(const struct lte_op *gated)
{
    return gated ? (gated->norm.own ? gated->norm.vectors : 1) * gated->norm.width : 0;
}

static float *put(float *to, const float *from, size_t n)
{
    if (n && from)
        memcpy(to, from, n * sizeof *to);
    else
        memset(to, 0, n * sizeof *to);
    return to + n;
}

// What lies in buffers of its own elsewhere, in the order of struct lte_delta_step_params. `from`
// is the first op.
static void gather(void *to, size_t bytes, const void *from)
{
    const struct lte_op *first = from, *norm = first + (first->kind == LTE_OP_SHORT_CONV);
    const struct layer l = find(first, norm + 2);
    float *p = put(to, l.gates->delta_gates.neg_exp_A, decays(l.gates));
    p = put(p, l.gates->delta_gates.dt_bias, decays(l.gates));
    if (l.conv)
        p = put(p, l.conv->short_conv.weight, conv_weights(l.conv));
    const size_t left = bytes / sizeof *p - (size_t)(p - (float *)to);
    if (left)
        put(p, l.rule[1].norm.weight, left);
}

static struct lte_vk_range weights(struct lte_vk_encoder *e, const struct layer *l)
{
    const size_t n = 2 * decays(l->gates) + conv_weights(l->conv) + norm_weights(l->gated);
    return lte_vk_made(e, l->conv ? l->conv : l->norm, n * sizeof(float), gather);
}

static struct lte_delta_step_params params(const struct lte_vk_encoder *e, const struct layer *l)
{
    const struct lte_delta_rule_op *d = &l->rule->delta_rule;
    const struct lte_delta_gates_op *g = &l->gates->delta_gates;
    const size_t taps = 2 * decays(l->gates), norm = taps + conv_weights(l->conv);
    return (struct lte_delta_step_params){
        .group = (uint32_t)(d->value_heads / d->heads),
        .value_heads = (uint32_t)d->value_heads,
        .key_dim = (uint32_t)d->key_dim,
        .value_dim = (uint32_t)d->value_dim,
        .q_column = (uint32_t)d->q_column,
        .k_column = (uint32_t)d->k_column,
        .v_column = (uint32_t)d->v_column,
        .stride = lte_vk_width(e, l->rule->in[0]),
        .gate_stride = lte_vk_width(e, l->rule->in[1]),
        .z_stride = l->gated ? lte_vk_width(e, l->gated->in[1]) : 0,
        .taps = (uint32_t)taps,
        .norm = (uint32_t)norm,
        .own = l->gated && l->gated->norm.own ? (uint32_t)d->value_dim : 0,
        .decays = decays(l->gates) > 0,
        .beta_scale = g->beta_scale,
        .lower_bound = g->lower_bound,
        .eps = l->norm->norm.eps,
        .scale = l->norm->norm.scale};
}

// The states of rule and convolution, from the first of them on.
static struct lte_vk_range states(const struct lte_vk_encoder *e, const struct lte_vk_group *g,
                                  const struct layer *l, struct lte_delta_step_params *p)
{
    const struct lte_vk_range rule = lte_vk_state(e, g, l->rule);
    const struct lte_vk_range tail = l->conv ? lte_vk_state(e, g, l->conv) : rule;
    const uint64_t from = rule.offset < tail.offset ? rule.offset : tail.offset;
    const uint64_t rule_end = rule.offset + rule.bytes, tail_end = tail.offset + tail.bytes;
    p->state = (uint32_t)((rule.offset - from) / sizeof(uint32_t));
    p->tail = (uint32_t)((tail.offset - from) / sizeof(uint32_t));
    return (struct lte_vk_range){rule.buffer, from,
                                 (rule_end > tail_end ? rule_end : tail_end) - from};
}

static void step(struct lte_vk_encoder *e, const struct layer *l, struct lte_vk_range squares)
{
    const lte_value x = l->conv ? l->conv->in[0] : l->rule->in[0];
    struct lte_delta_step_params p = params(e, l);
    for (size_t i = 0; i < e->groups; i++) {
        const struct lte_vk_range state = states(e, &e->group[i], l, &p);
        p.segment = e->group[i].first;
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_delta_step,
            .constant = {(p.key_dim + LANES - 1) / LANES,
                         l->conv ? (uint32_t)l->conv->short_conv.taps : 0, l->gated != NULL},
            .bind = {e->segments, lte_vk_value(e, x), lte_vk_value(e, l->rule->in[1]), state,
                     lte_vk_value(e, l->rule->out), weights(e, l),
                     l->gated ? lte_vk_value(e, l->gated->in[1]) : lte_vk_none(), squares},
            .push = &p,
            .beside = i > 0, // sessions have states and rows of their own
            .x = (p.value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS,
            .y = p.value_heads,
            .z = e->group[i].count});
    }
}

// Beside what comes next, which has nothing to do with it.
static void renew_tails(struct lte_vk_encoder *e, const struct lte_op *conv)
{
    const struct lte_short_conv_op *c = &conv->short_conv;
    for (size_t i = 0; i < e->groups && c->taps > 1; i++)
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_conv_tail,
            .bind = {e->segments, lte_vk_value(e, conv->in[0]),
                     lte_vk_state(e, &e->group[i], conv)},
            .push = &(struct lte_conv_tail_params){.segment = e->group[i].first,
                                                   .channels = (uint32_t)c->channels,
                                                   .inputs = (uint32_t)c->taps - 1},
            .beside = i > 0,
            .x = (c->channels + CHANNELS - 1) / CHANNELS,
            .y = 1,
            .z = e->group[i].count});
}

void lte_vk_encode_fused_delta_rule(struct lte_vk_encoder *e, const struct lte_op *op,
                                    const struct lte_fusion *f)
{
    const struct layer l = layer_of(e->graph, op, f);
    const struct lte_delta_rule_op *d = &op->delta_rule;
    const uint32_t blocks = (uint32_t)((d->value_dim + LTE_DELTA_COLUMNS - 1) / LTE_DELTA_COLUMNS);
    struct lte_vk_range squares = lte_vk_none();
    if (l.gated)
        squares = lte_vk_scratch(e, (e->first + e->rows) * d->value_heads * blocks * sizeof(float));
    step(e, &l, squares);
    if (l.conv)
        renew_tails(e, l.conv);
    if (l.linear)
        lte_vk_encode_rooted_linear(
            e, l.linear,
            &(struct lte_vk_roots){squares, (uint32_t)d->value_dim, blocks, l.gated->norm.eps},
            &e->graph->op[f->last]);
}
