// SPDX-License-Identifier: BSD-2-Clause
// What the mixers of the delta family share: the short convolution, normed keys, the output norm.
#include "config.h"

#include "lib/mixer/linear.h"

#include <math.h>

static lte_value convolve(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv)
{
    if (!l->conv_size)
        return lte_build_op(b, lte_op_on(LTE_OP_SILU, qkv, LTE_NO_VALUE, qkv));
    const struct lte_tensor *const conv[] = {l->q_conv, l->k_conv, l->v_conv};
    struct lte_op op = lte_op_on(LTE_OP_SHORT_CONV, qkv, LTE_NO_VALUE, LTE_NO_VALUE);
    op.short_conv = (struct lte_short_conv_op){.weight = lte_prepare_short_conv(b, conv, 3),
                                               .channels = 2 * lte_gdn_keys(l) + lte_gdn_values(l),
                                               .taps = l->conv_size};
    return lte_build_op(b, op);
}

// The heads of q, which the rule wants scaled, and those of k behind them.
lte_value lte_build_qkv(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv)
{
    qkv = convolve(b, l, qkv);
    struct lte_op op = lte_op_on(LTE_OP_L2NORM, qkv, LTE_NO_VALUE, qkv);
    op.norm = (struct lte_norm_op){.vectors = 2 * (size_t)l->heads,
                                   .width = l->key_dim,
                                   .scaled = l->heads,
                                   .eps = 1e-6f,
                                   .scale = (float)(1.0 / sqrt((double)l->key_dim))};
    return lte_build_op(b, op);
}

lte_value lte_build_delta_gates(struct lte_builder *b, const struct lte_gdn *l, lte_value ab)
{
    struct lte_op op = lte_op_on(LTE_OP_DELTA_GATES, ab, LTE_NO_VALUE, ab);
    op.delta_gates = (struct lte_delta_gates_op){
        .neg_exp_A = l->A_log ? lte_prepare_neg_exp(b, l->A_log) : NULL,
        .dt_bias = l->dt_bias ? lte_prepare_vector(b, l->dt_bias) : NULL,
        .heads = l->value_heads,
        .channels = l->dt_bias ? (size_t)(l->dt_bias->elements / l->value_heads) : 1,
        .beta_scale = l->neg_eigval ? 2.0f : 1.0f,
        .lower_bound = l->lower_bound};
    return lte_build_op(b, op);
}

lte_value lte_build_delta_rule(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv,
                               lte_value gates)
{
    const size_t keys = lte_gdn_keys(l);
    struct lte_op rule = lte_op_on(LTE_OP_DELTA_RULE, qkv, gates, LTE_NO_VALUE);
    rule.delta_rule = (struct lte_delta_rule_op){.heads = l->heads,
                                                 .value_heads = l->value_heads,
                                                 .key_dim = l->key_dim,
                                                 .value_dim = l->value_dim,
                                                 .k_column = keys,
                                                 .v_column = 2 * keys};
    return lte_build_op(b, rule);
}

lte_value lte_build_out(struct lte_builder *b, const struct lte_gdn *l, lte_value o, lte_value gate)
{
    const bool gated = gate != LTE_NO_VALUE;
    struct lte_op norm = lte_op_on(gated ? LTE_OP_GATED_NORM : LTE_OP_RMSNORM, o, gate, o);
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->o_norm),
                                     .vectors = l->value_heads,
                                     .width = l->value_dim,
                                     .eps = l->norm_eps};
    return lte_build_project(b, lte_build_op(b, norm), l->o_proj);
}
