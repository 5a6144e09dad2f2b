// SPDX-License-Identifier: BSD-2-Clause
// Native sparse attention, arXiv 2502.11089: its keys and weights, and model_type "nsa", which has
// it in every layer.
#include "config.h"

#include "lib/arch/fla.h"

// The query's own block, the one before and the first are always selected.
enum { FORCED_BLOCKS = 3, DEFAULT_HEAD_DIM = 64 };

// head_dim is the config's. The reference's class for model_type "nsa" forgets to hand it on, so
// that its layers have 64 whatever the config says; its published configs say 64.
void lte_nsa_configure(struct lte_config *config, struct lte_attention *a)
{
    a->heads = lte_config_u32(config, "num_heads", 1, LTE_MAX_HEADS);
    a->key_heads = lte_config_u32_or(config, "num_kv_heads", 1, LTE_MAX_HEADS, a->heads);
    a->head_dim =
        lte_config_u32_or(config, "head_dim", 1, LTE_MAX_HEAD_DIM, DEFAULT_HEAD_DIM);
    a->block = lte_config_u32(config, "block_size", 1, LTE_MAX_TOKENS);
    a->top = lte_config_u32(config, "block_counts", 1, LTE_MAX_TOKENS);
    a->window = lte_config_u32(config, "window_size", 1, LTE_MAX_TOKENS);
    a->qkv_bias = lte_config_bool_or(config, "qkv_bias", false);
    a->rope_theta = (float)lte_config_number_or(config, "rope_theta", 1, 1e30, 10000);
    if (a->heads % a->key_heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_kv_heads",
                        "is %u, does not divide num_heads %u", (unsigned)a->key_heads,
                        (unsigned)a->heads);
    if (a->head_dim % 2)
        lte_config_fail(config, LTE_ERR_FORMAT, "head_dim", "is %u; it must be even",
                        (unsigned)a->head_dim);
    if (a->top < FORCED_BLOCKS)
        lte_config_fail(config, LTE_ERR_FORMAT, "block_counts",
                        "is %u; %d blocks are selected in any case", (unsigned)a->top,
                        FORCED_BLOCKS);
}

void lte_nsa_weights(struct lte_walk *walk, struct lte_attention *a, lte_out_init_fn *out_init)
{
    const struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range), zero = lte_init_constant(0);
    const uint64_t width = m->width, queries = (uint64_t)a->heads * a->head_dim;
    const uint64_t keys = (uint64_t)a->key_heads * a->head_dim;
    lte_walk_weight(walk, &a->q_proj, "q_proj.weight", normal, LTE_SHAPE(queries, width));
    lte_walk_weight(walk, &a->k_proj, "k_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &a->v_proj, "v_proj.weight", normal, LTE_SHAPE(keys, width));
    if (a->qkv_bias) {
        lte_walk_weight(walk, &a->q_bias, "q_proj.bias", zero, LTE_SHAPE(queries));
        lte_walk_weight(walk, &a->k_bias, "k_proj.bias", zero, LTE_SHAPE(keys));
        lte_walk_weight(walk, &a->v_bias, "v_proj.bias", zero, LTE_SHAPE(keys));
    }
    lte_walk_weight(walk, &a->g_proj, "g_proj.weight", normal,
                    LTE_SHAPE((uint64_t)a->heads * 3, width));
    lte_walk_weight(walk, &a->o_proj, "o_proj.weight", lte_fla_out_init(m, out_init, queries),
                    LTE_SHAPE(width, queries));
    // Recomputed, but some writers save it.
    lte_walk_buffer(walk, "rotary.inv_freq", LTE_SHAPE(a->head_dim / 2));
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_attention attention = {0};
    if (!lte_fla_configure(config, model, 0.006))
        return;
    lte_nsa_configure(config, &attention);
    for (uint32_t n = 0; n < model->layers; n++) {
        model->layer[n].mixer = LTE_MIXER_NSA;
        model->layer[n].attention = attention;
    }
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_nsa = {"nsa", configure, weights};
