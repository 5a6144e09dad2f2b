// SPDX-License-Identifier: BSD-2-Clause
// The softmax attention mixer: its keys and its weights.
#include "config.h"

#include "lib/arch/fla.h"

void lte_attention_configure(struct lte_config *config, const struct lte_model *model,
                             struct lte_attention *attention)
{
    struct lte_attention *a = attention;
    a->heads = lte_config_u32(config, "num_heads", 1, LTE_MAX_HEADS);
    a->key_heads = lte_config_u32_or(config, "num_kv_heads", 1, LTE_MAX_HEADS, a->heads);
    a->qkv_bias = lte_config_bool_or(config, "qkv_bias", false);
    a->rope_theta = (float)lte_config_number_or(config, "rope_theta", 1, 1e30, 10000);
    a->qk_norm_eps = 1e-5f; // the reference's layer default: norm_eps does not reach it
    if (model->width % a->heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_heads",
                        "is %u, does not divide hidden_size %u", (unsigned)a->heads,
                        (unsigned)model->width);
    else if (a->heads % a->key_heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_kv_heads",
                        "is %u, does not divide num_heads %u", (unsigned)a->key_heads,
                        (unsigned)a->heads);
    a->head_dim = model->width / a->heads;
    if (a->head_dim % 2 || a->head_dim > LTE_MAX_HEAD_DIM)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_heads",
                        "is %u, which makes heads of %u; that must be even and at most %d",
                        (unsigned)a->heads, (unsigned)a->head_dim, LTE_MAX_HEAD_DIM);
}

void lte_attention_window(struct lte_config *config, struct lte_attention *attention)
{
    attention->window = lte_config_u32_or(config, "window_size", 1, LTE_MAX_TOKENS, 0);
}

void lte_attention_qk_norm(struct lte_config *config, struct lte_attention *attention)
{
    attention->qk_norm = lte_config_bool_or(config, "qk_norm", false);
}

void lte_attention_weights(struct lte_walk *walk, struct lte_attention *a,
                           lte_out_init_fn *out_init)
{
    const struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    const struct lte_init zero = lte_init_constant(0), one = lte_init_constant(1);
    const uint64_t width = m->width, keys = (uint64_t)a->key_heads * a->head_dim;
    const uint64_t queries = (uint64_t)a->heads * a->head_dim;
    const bool doubled = a->gate == LTE_GATE_QUERY || a->gate == LTE_GATE_QUERY_GROUP;
    lte_walk_weight(walk, &a->q_proj, "q_proj.weight", normal,
                    LTE_SHAPE(doubled ? 2 * queries : queries, width));
    lte_walk_weight(walk, &a->k_proj, "k_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &a->v_proj, "v_proj.weight", normal, LTE_SHAPE(keys, width));
    if (a->qkv_bias) {
        lte_walk_weight(walk, &a->q_bias, "q_proj.bias", zero,
                        LTE_SHAPE(doubled ? 2 * queries : queries));
        lte_walk_weight(walk, &a->k_bias, "k_proj.bias", zero, LTE_SHAPE(keys));
        lte_walk_weight(walk, &a->v_bias, "v_proj.bias", zero, LTE_SHAPE(keys));
    }
    if (a->qk_norm) {
        lte_walk_weight(walk, &a->q_norm, "q_norm.weight", one, LTE_SHAPE(a->head_dim));
        lte_walk_weight(walk, &a->k_norm, "k_norm.weight", one, LTE_SHAPE(a->head_dim));
    }
    if (a->gate == LTE_GATE_ELEMENT || a->gate == LTE_GATE_HEAD)
        lte_walk_weight(walk, &a->gate_proj, "g_proj.weight", lte_init_normal(m->gate_init_range),
                        LTE_SHAPE(a->gate == LTE_GATE_HEAD ? a->heads : queries, width));
    lte_walk_weight(walk, &a->o_proj, "o_proj.weight", lte_fla_out_init(m, out_init, queries),
                    LTE_SHAPE(width, queries));
    // Recomputed, but some writers save it.
    lte_walk_buffer(walk, "rotary.inv_freq", LTE_SHAPE(a->head_dim / 2));
}
