// SPDX-License-Identifier: BSD-2-Clause
// Kimi Delta Attention: as Gated DeltaNet, with a decay for every key channel from a product of two
// matrices, and an output gate from another, opened by a sigmoid.
#include "config.h"

#include "lib/mixer/linear.h"

// What becomes the decays (and has the betas behind them), and the output gate.
struct wide {
    lte_value gates, open;
};

static struct wide second_products(struct lte_builder *b, const struct lte_gdn *l, lte_value gates,
                                   lte_value low_f, lte_value low_g)
{
    const struct wide w = {gates, lte_build_value(b, lte_gdn_values(l))};
    const struct lte_linear_part f = lte_build_part(b, l->f_out, NULL, gates, 0);
    const struct lte_linear_part g = lte_build_part(b, l->g_out, l->g_bias, w.open, 0);
    lte_build_linear(b, low_f, 1, &f);
    lte_build_linear(b, low_g, 1, &g);
    return w;
}

static lte_value diag_rule(struct lte_builder *b, const struct lte_gdn *l, lte_value qkv,
                           lte_value gates)
{
    const size_t keys = lte_gdn_keys(l);
    struct lte_op rule = lte_op_on(LTE_OP_DIAG_RULE, qkv, gates, LTE_NO_VALUE);
    rule.diag_rule = (struct lte_diag_rule_op){
        .heads = l->value_heads,
        .key_dim = l->key_dim,
        .value_dim = l->value_dim,
        .q = {0, 0, l->heads},
        .k = {0, keys, l->heads},
        .v = {0, 2 * keys, l->value_heads},
        .decay = {1, 0, l->value_heads},
        .beta = {1, (size_t)l->value_heads * l->key_dim, l->value_heads},
        .decays = l->key_dim,
        .step = LTE_RULE_ERASES};
    return lte_build_op(b, rule);
}

static lte_value gated_out(struct lte_builder *b, const struct lte_gdn *l, lte_value o,
                           lte_value open)
{
    struct lte_op norm = lte_op_on(LTE_OP_RMSNORM, o, LTE_NO_VALUE, o);
    norm.norm = (struct lte_norm_op){.weight = lte_prepare_vector(b, l->o_norm),
                                     .vectors = l->value_heads,
                                     .width = l->value_dim,
                                     .eps = l->norm_eps};
    o = lte_build_op(b, norm);
    struct lte_op gate = lte_op_on(LTE_OP_SDPA_GATE, o, open, LTE_NO_VALUE);
    gate.sdpa_gate = (struct lte_sdpa_gate_op){
        .vectors = l->value_heads, .width = l->value_dim, .stride = l->value_dim};
    return lte_build_project(b, lte_build_op(b, gate), l->o_proj);
}

lte_value lte_mixer_kda(struct lte_builder *b, const struct lte_layer *layer, lte_value x)
{
    const struct lte_gdn *l = &layer->gdn;
    const size_t key = lte_gdn_keys(l), channels = (size_t)l->value_heads * l->key_dim;
    const lte_value qkv = lte_build_value(b, 2 * key + lte_gdn_values(l));
    const lte_value raw = lte_build_value(b, channels + l->value_heads);
    const lte_value low_f = lte_build_value(b, l->value_dim);
    const lte_value low_g = lte_build_value(b, l->value_dim);
    const struct lte_linear_part part[6] = {
        lte_build_part(b, l->q_proj, NULL, qkv, 0),
        lte_build_part(b, l->k_proj, NULL, qkv, key),
        lte_build_part(b, l->v_proj, NULL, qkv, 2 * key),
        lte_build_part(b, l->f_proj, NULL, low_f, 0),
        lte_build_part(b, l->b_proj, NULL, raw, channels),
        lte_build_part(b, l->g_proj, NULL, low_g, 0),
    };
    lte_build_linear(b, x, 6, part);
    const struct wide w = second_products(b, l, raw, low_f, low_g);
    const lte_value normed = lte_build_qkv(b, l, qkv);
    const lte_value gates = lte_build_delta_gates(b, l, w.gates);
    return gated_out(b, l, diag_rule(b, l, normed, gates), w.open);
}
