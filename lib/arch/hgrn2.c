// SPDX-License-Identifier: BSD-2-Clause
// model_type "hgrn2": HGRN2, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

// Heads are said by their number, or by the width of their keys, which wins.
static void head_keys(struct lte_config *config, const struct lte_model *model, struct lte_hgrn2 *h)
{
    const uint32_t most = model->width < LTE_MAX_HEAD_DIM ? model->width : LTE_MAX_HEAD_DIM;
    const bool counted = lte_config_has(config, "num_heads");
    const uint32_t ratio = lte_config_u32_or(config, "expand_ratio", 1, most, 0);
    h->heads = lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, 1);
    if (ratio || !counted) {
        h->key_dim = ratio ? ratio : 128 < most ? 128 : most;
        const uint32_t heads = model->width / h->key_dim;
        if (counted && heads != h->heads)
            lte_config_fail(config, LTE_ERR_FORMAT, "num_heads",
                            "is %u, hidden_size by expand_ratio is %u", (unsigned)h->heads,
                            (unsigned)heads);
        h->heads = heads;
    } else {
        h->key_dim = model->width / h->heads;
    }
    h->value_dim = model->width / h->heads;
    if (model->width % h->heads || !h->key_dim || h->value_dim > LTE_MAX_HEAD_DIM)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_heads", "is %u, which hidden_size %u does not fit",
                        (unsigned)h->heads, (unsigned)model->width);
}

void lte_hgrn2_configure(struct lte_config *config, const struct lte_model *model,
                         struct lte_hgrn2 *h)
{
    head_keys(config, model, h);
    if (lte_config_bool_or(config, "use_short_conv", false))
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, "use_short_conv", "is true: not supported");
    lte_config_u32_or(config, "conv_size", 1, LTE_MAX_TAPS, 4);
    h->norm_eps = model->norm_eps;
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_layer layer = {.mixer = LTE_MIXER_HGRN2};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_hgrn2_configure(config, model, &layer.hgrn2);
    model->bounded = lte_config_bool_or(config, "use_lower_bound", true);
    if (model->bounded && layer.hgrn2.heads * layer.hgrn2.key_dim != model->width)
        lte_config_fail(config, LTE_ERR_FORMAT, "expand_ratio",
                        "is %u, which hidden_size %u must be a multiple of for use_lower_bound",
                        (unsigned)layer.hgrn2.key_dim, (unsigned)model->width);
    lte_fla_layers(config, model, &layer);
}

void lte_hgrn2_weights(struct lte_walk *walk, struct lte_hgrn2 *h)
{
    const struct lte_init normal = lte_init_normal(walk->model->init_range);
    const uint64_t width = walk->model->width, keys = (uint64_t)h->heads * h->key_dim;
    lte_walk_weight(walk, &h->q_proj, "q_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &h->f_proj, "f_proj.weight", normal, LTE_SHAPE(keys, width));
    lte_walk_weight(walk, &h->i_proj, "i_proj.weight", normal, LTE_SHAPE(width, width));
    lte_walk_weight(walk, &h->g_norm, "g_norm.weight", lte_init_constant(1), LTE_SHAPE(width));
    lte_walk_weight(walk, &h->o_proj, "o_proj.weight", normal, LTE_SHAPE(width, width));
}

static void weights(struct lte_walk *walk)
{
    struct lte_model *m = walk->model;
    lte_fla_weights(walk, NULL);
    if (!m->bounded)
        return;
    lte_walk_prefix(walk, "model.");
    walk->scale = true;
    lte_walk_weight(walk, &m->lower_bounds, "lower_bounds", lte_init_constant(0),
                    LTE_SHAPE(m->layers, m->width));
    walk->scale = false;
}

const struct lte_family lte_family_hgrn2 = {"hgrn2", configure, weights};
