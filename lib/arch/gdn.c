// SPDX-License-Identifier: BSD-2-Clause
// The Gated DeltaNet mixer, and what its kin share: keys and weights.
#include "config.h"

#include "lib/arch/fla.h"

void lte_delta_conv(struct lte_config *config, struct lte_gdn *gdn)
{
    const bool conv = lte_config_bool_or(config, "use_short_conv", true);
    const uint32_t taps = lte_config_u32_or(config, "conv_size", 1, LTE_MAX_TAPS, 4);
    gdn->conv_size = conv ? taps : 0;
}

void lte_delta_configure(struct lte_config *config, const struct lte_model *model,
                         struct lte_gdn *gdn, const struct lte_delta_defaults *defaults)
{
    gdn->heads = defaults->heads
                     ? lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, defaults->heads)
                     : lte_config_u32(config, "num_heads", 1, LTE_MAX_HEADS);
    gdn->value_heads = gdn->heads;
    gdn->key_dim = lte_config_u32_or(config, "head_dim", 1, LTE_MAX_HEAD_DIM, defaults->key_dim);
    const double expand = lte_config_number_or(config, "expand_v", 0, 64, defaults->expand_v);
    const double value_dim = gdn->key_dim * expand;
    if (value_dim < 1 || value_dim > LTE_MAX_HEAD_DIM)
        lte_config_fail(config, LTE_ERR_FORMAT, "expand_v",
                        "is %g, times head_dim %u that must be from 1 to %d", expand,
                        (unsigned)gdn->key_dim, LTE_MAX_HEAD_DIM);
    else
        gdn->value_dim = (uint32_t)value_dim;
    lte_delta_conv(config, gdn);
    gdn->norm_eps = model->norm_eps;
}

void lte_gdn_configure(struct lte_config *config, const struct lte_model *model,
                       struct lte_gdn *gdn)
{
    static const struct lte_delta_defaults defaults = {.heads = 0, .key_dim = 256, .expand_v = 2};
    lte_delta_configure(config, model, gdn, &defaults);
    gdn->gate = lte_config_bool_or(config, "use_gate", true);
}

void lte_delta_value_heads(struct lte_config *config, struct lte_gdn *gdn)
{
    gdn->value_heads = lte_config_u32_or(config, "num_v_heads", 1, LTE_MAX_HEADS, gdn->heads);
    if (gdn->value_heads % gdn->heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_v_heads", "is %u, no multiple of num_heads %u",
                        (unsigned)gdn->value_heads, (unsigned)gdn->heads);
}

void lte_delta_layers(struct lte_config *config, struct lte_model *model, enum lte_mixer mixer,
                      const struct lte_gdn *gdn)
{
    const struct lte_layer layer = {.mixer = mixer, .gdn = *gdn};
    lte_fla_layers(config, model, &layer);
}

void lte_delta_conv_weights(struct lte_walk *w, struct lte_gdn *g)
{
    const uint64_t keys = (uint64_t)g->heads * g->key_dim;
    const uint64_t values = (uint64_t)g->value_heads * g->value_dim;
    const struct lte_init normal = lte_init_normal(w->model->init_range);
    const uint64_t taps = g->conv_size;
    if (!taps)
        return;
    lte_walk_weight(w, &g->q_conv, "q_conv1d.weight", normal, LTE_SHAPE(keys, 1, taps));
    lte_walk_weight(w, &g->k_conv, "k_conv1d.weight", normal, LTE_SHAPE(keys, 1, taps));
    lte_walk_weight(w, &g->v_conv, "v_conv1d.weight", normal, LTE_SHAPE(values, 1, taps));
}

void lte_delta_qkv_weights(struct lte_walk *walk, struct lte_gdn *g)
{
    const struct lte_init normal = lte_init_normal(walk->model->init_range);
    const uint64_t keys = (uint64_t)g->heads * g->key_dim, width = walk->model->width;
    const uint64_t values = (uint64_t)g->value_heads * g->value_dim;
    lte_walk_weight(walk, &g->q_proj, "q_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &g->k_proj, "k_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &g->v_proj, "v_proj.weight", normal, LTE_SHAPE(values, width));
}

void lte_delta_out_weights(struct lte_walk *walk, struct lte_gdn *g, lte_out_init_fn *out_init)
{
    const uint64_t values = (uint64_t)g->value_heads * g->value_dim;
    lte_walk_weight(walk, &g->o_norm, "o_norm.weight", lte_init_constant(1),
                    LTE_SHAPE(g->value_dim));
    lte_walk_weight(walk, &g->o_proj, "o_proj.weight",
                    lte_fla_out_init(walk->model, out_init, values),
                    LTE_SHAPE(walk->model->width, values));
}

void lte_gdn_weights(struct lte_walk *walk, struct lte_gdn *g, lte_out_init_fn *out_init)
{
    const struct lte_init normal = lte_init_normal(walk->model->init_range);
    const uint64_t values = (uint64_t)g->value_heads * g->value_dim;
    const uint64_t width = walk->model->width, heads = g->value_heads;
    lte_delta_qkv_weights(walk, g);
    lte_walk_weight(walk, &g->a_proj, "a_proj.weight", normal, LTE_SHAPE(heads, width));
    lte_walk_weight(walk, &g->b_proj, "b_proj.weight", normal, LTE_SHAPE(heads, width));
    if (g->gate)
        lte_walk_weight(walk, &g->g_proj, "g_proj.weight", normal, LTE_SHAPE(values, width));
    lte_delta_conv_weights(walk, g);
    lte_walk_weight(walk, &g->A_log, "A_log", lte_init_a_log(0),
                    LTE_SHAPE(heads));
    lte_walk_weight(walk, &g->dt_bias, "dt_bias", lte_init_dt_bias(),
                    LTE_SHAPE(heads));
    lte_delta_out_weights(walk, g, out_init);
}
