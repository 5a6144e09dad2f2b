// SPDX-License-Identifier: BSD-2-Clause
// Gated DeltaNet: projections, short convolution, l2-normed q and k, gated delta rule, gated norm.
#include "config.h"

#include <math.h>

#include "lib/builder.h"

static struct lte_op op_on(enum lte_op_kind kind, lte_value a, lte_value b, lte_value out)
{
    return (struct lte_op){
        .kind = kind, .in = {a, b, LTE_NO_VALUE, LTE_NO_VALUE}, .out = out};
}

// q, k and v side by side in one value, so that one convolution runs over all their channels.
static lte_value convolve(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv,
                          size_t channels)
{
    if (!l->conv_size)
        return lte_build_op(b, op_on(LTE_OP_SILU, qkv, LTE_NO_VALUE, qkv));
    const struct lte_tensor *const conv[] = {l->q_conv, l->k_conv, l->v_conv};
    struct lte_op op = op_on(LTE_OP_SHORT_CONV, qkv, LTE_NO_VALUE, LTE_NO_VALUE);
    op.short_conv = (struct lte_short_conv_op){
        .weight = lte_prepare_short_conv(b, conv, 3), .channels = channels, .taps = l->conv_size};
    return lte_build_op(b, op);
}

// The heads of q, which the rule wants scaled, and those of k behind them.
static lte_value l2norm(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv)
{
    struct lte_op op = op_on(LTE_OP_L2NORM, qkv, LTE_NO_VALUE, qkv);
    op.norm = (struct lte_norm_op){.vectors = 2 * (size_t)l->heads,
                                   .width = l->key_dim,
                                   .scaled = l->heads,
                                   .eps = 1e-6f,
                                   .scale = (float)(1.0 / sqrt((double)l->key_dim))};
    return lte_build_op(b, op);
}

static lte_value delta_gates(struct lte_builder *b, const struct lte_gdn *l, lte_value ab)
{
    struct lte_op op = op_on(LTE_OP_DELTA_GATES, ab, LTE_NO_VALUE, ab);
    op.delta_gates = (struct lte_delta_gates_op){.neg_exp_A = lte_prepare_neg_exp(b, l->A_log),
                                                 .dt_bias = lte_prepare_vector(b, l->dt_bias),
                                                 .heads = l->value_heads,
                                                 .beta_scale = l->neg_eigval ? 2.0f : 1.0f};
    return lte_build_op(b, op);
}

lte_value lte_mixer_gdn(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_gdn *l = &layer->gdn;
    const size_t key = (size_t)l->heads * l->key_dim, value = (size_t)l->value_heads * l->value_dim;
    lte_value qkv = lte_build_value(b, 2 * key + value);
    lte_value ab = lte_build_value(b, 2 * (size_t)l->value_heads);
    const lte_value gate = l->gate ? lte_build_value(b, value) : LTE_NO_VALUE;
    struct lte_linear_part part[6] = {
        lte_build_part(b, l->q_proj, NULL, qkv, 0),
        lte_build_part(b, l->k_proj, NULL, qkv, key),
        lte_build_part(b, l->v_proj, NULL, qkv, 2 * key),
        lte_build_part(b, l->a_proj, NULL, ab, 0),
        lte_build_part(b, l->b_proj, NULL, ab, l->value_heads),
    };
    if (l->gate)
        part[5] = lte_build_part(b, l->g_proj, NULL, gate, 0);
    lte_build_linear(b, x, l->gate ? 6 : 5, part);

    qkv = convolve(b, l, qkv, 2 * key + value);
    qkv = l2norm(b, l, qkv);
    ab = delta_gates(b, l, ab);

    struct lte_op rule = op_on(LTE_OP_DELTA_RULE, qkv, ab, LTE_NO_VALUE);
    rule.delta_rule = (struct lte_delta_rule_op){.heads = l->heads,
                                                 .value_heads = l->value_heads,
                                                 .key_dim = l->key_dim,
                                                 .value_dim = l->value_dim,
                                                 .k_column = key,
                                                 .v_column = 2 * key};
    const lte_value o = lte_build_op(b, rule);

    struct lte_op norm = op_on(l->gate ? LTE_OP_GATED_NORM : LTE_OP_RMSNORM, o, gate, o);
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->o_norm),
                                     .vectors = l->value_heads,
                                     .width = l->value_dim,
                                     .eps = l->norm_eps};
    return lte_build_project(b, lte_build_op(b, norm), l->o_proj);
}
