// SPDX-License-Identifier: BSD-2-Clause
// The indexer of DeepSeek sparse attention (DeepSeek-V3.2): its keys and weights.
#include "config.h"

#include "lib/arch/fla.h"

enum { DEFAULT_HEADS = 8, DEFAULT_DIM = 64, DEFAULT_TOP = 2048, DEFAULT_LAST = 64 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void lte_dsa_configure(struct lte_config *config, struct lte_indexer *i)
{
    static const char *const scorers[] = {"relu", "mean_dot", NULL};
    i->heads = lte_config_u32_or(config, "index_n_heads", 1, LTE_MAX_HEADS, DEFAULT_HEADS);
    i->dim = lte_config_u32_or(config, "index_head_dim", 1, LTE_MAX_HEAD_DIM, DEFAULT_DIM);
    i->rope_dim = lte_config_u32_or(config, "index_rope_dim", 0, i->dim, i->dim / 4 * 2);
    i->top = lte_config_u32_or(config, "index_topk", 1, LTE_MAX_TOKENS, DEFAULT_TOP);
    i->first = lte_config_u32_or(config, "index_first", 0, i->top, 0);
    i->last = lte_config_u32_or(config, "index_last", 0, i->top,
                                least(DEFAULT_LAST, (i->top - i->first) / 4));
    i->mean_dot = lte_config_choice_or(config, "index_scorer", scorers, 0) == 1;
    i->rope_pairs = lte_config_bool_or(config, "index_rope_interleaved", false);
    i->norm_eps = (float)lte_config_number_or(config, "index_norm_eps", 0, 1, 1e-6);
    if (i->rope_dim % 2)
        lte_config_fail(config, LTE_ERR_FORMAT, "index_rope_dim", "is %u; it must be even",
                        (unsigned)i->rope_dim);
    if (i->first > i->top - i->last)
        lte_config_fail(config, LTE_ERR_FORMAT, "index_topk",
                        "is %u; index_first and index_last are %u together", (unsigned)i->top,
                        (unsigned)i->first + (unsigned)i->last);
}

void lte_dsa_weights(struct lte_walk *walk, struct lte_indexer *i)
{
    const struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    walk->indexer = true;
    lte_walk_weight(walk, &i->q_proj, "indexer.q_proj.weight", normal,
                    LTE_SHAPE((uint64_t)i->heads * i->dim, m->width));
    lte_walk_weight(walk, &i->k_proj, "indexer.k_proj.weight", normal, LTE_SHAPE(i->dim, m->width));
    if (!i->mean_dot) {
        lte_walk_weight(walk, &i->k_norm, "indexer.k_norm.weight", lte_init_constant(1),
                        LTE_SHAPE(i->dim));
        lte_walk_weight(walk, &i->k_norm_bias, "indexer.k_norm.bias", lte_init_constant(0),
                        LTE_SHAPE(i->dim));
        lte_walk_weight(walk, &i->weights_proj, "indexer.weights_proj.weight", normal,
                        LTE_SHAPE(i->heads, m->width));
    }
    walk->indexer = false;
}
