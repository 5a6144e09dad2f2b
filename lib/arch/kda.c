// SPDX-License-Identifier: BSD-2-Clause
// model_type "kda": Kimi Delta Attention, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

void lte_kda_configure(struct lte_config *config, const struct lte_model *model,
                       struct lte_gdn *kda)
{
    static const struct lte_delta_defaults defaults = {.heads = 16, .key_dim = 128, .expand_v = 1};
    lte_delta_configure(config, model, kda, &defaults);
    lte_delta_value_heads(config, kda);
    kda->gate = true;
    kda->neg_eigval = lte_config_bool_or(config, "allow_neg_eigval", false);
    kda->safe_gate = lte_config_bool_or(config, "safe_gate", false);
    kda->lower_bound = (float)lte_config_number_or(config, "lower_bound", -1000, -1e-6, 0);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn kda = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_kda_configure(config, model, &kda);
    lte_delta_layers(config, model, LTE_MIXER_KDA, &kda);
}

// Where the gate is safe, exp(A_log) starts at 1.
static struct lte_init decay_init(const struct lte_gdn *kda)
{
    return kda->safe_gate ? lte_init_constant(0) : lte_init_a_log(1);
}

void lte_kda_weights(struct lte_walk *walk, struct lte_gdn *g)
{
    const struct lte_model *m = walk->model;
    const struct lte_init normal = lte_init_normal(m->init_range);
    const uint64_t values = (uint64_t)g->value_heads * g->value_dim, width = m->width;
    const uint64_t heads = g->value_heads, decays = heads * g->key_dim, low = g->value_dim;
    lte_delta_qkv_weights(walk, g);
    lte_delta_conv_weights(walk, g);
    lte_walk_weight(walk, &g->f_proj, "f_proj.0.weight", normal, LTE_SHAPE(low, width));
    lte_walk_weight(walk, &g->f_out, "f_proj.1.weight", normal, LTE_SHAPE(decays, low));
    lte_walk_weight(walk, &g->b_proj, "b_proj.weight", normal, LTE_SHAPE(heads, width));
    lte_walk_weight(walk, &g->A_log, "A_log", decay_init(g), LTE_SHAPE(heads));
    lte_walk_weight(walk, &g->dt_bias, "dt_bias", lte_init_dt_bias(),
                    LTE_SHAPE(decays));
    lte_walk_weight(walk, &g->g_proj, "g_proj.0.weight", normal, LTE_SHAPE(low, width));
    lte_walk_weight(walk, &g->g_out, "g_proj.1.weight", normal, LTE_SHAPE(values, low));
    lte_walk_weight(walk, &g->g_bias, "g_proj.1.bias", lte_init_constant(0), LTE_SHAPE(values));
    lte_delta_out_weights(walk, g, NULL);
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_kda = {"kda", configure, weights};
