// SPDX-License-Identifier: BSD-2-Clause
// model_type "delta_net": DeltaNet, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

// Keys whose other values the reference has and nobody publishes.
static void one_choice(struct lte_config *config)
{
    static const char *const activations[] = {"silu", NULL}, *const norms[] = {"l2", NULL};
    lte_config_choice_or(config, "qk_activation", activations, 0);
    lte_config_choice_or(config, "qk_norm", norms, 0);
    if (!lte_config_bool_or(config, "use_beta", true))
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, "use_beta", "is false: not supported");
    lte_config_bool_or(config, "use_output_norm", true); // the reference's layer does not look at it
}

void lte_delta_net_configure(struct lte_config *config, const struct lte_model *model,
                             struct lte_gdn *delta)
{
    delta->heads = lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, 16);
    delta->value_heads = delta->heads;
    delta->key_dim = lte_head_width(config, model, delta->heads, "expand_k", 1);
    delta->value_dim = lte_head_width(config, model, delta->heads, "expand_v", 1);
    delta->gate = lte_config_bool_or(config, "use_gate", false);
    delta->neg_eigval = lte_config_bool_or(config, "allow_neg_eigval", false);
    lte_delta_conv(config, delta);
    delta->norm_eps = model->norm_eps;
    one_choice(config);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn delta = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_delta_net_configure(config, model, &delta);
    lte_delta_layers(config, model, LTE_MIXER_DELTA_NET, &delta);
}

void lte_delta_net_weights(struct lte_walk *walk, struct lte_gdn *g)
{
    const struct lte_init normal = lte_init_normal(walk->model->init_range);
    const uint64_t width = walk->model->width, values = (uint64_t)g->heads * g->value_dim;
    lte_delta_qkv_weights(walk, g);
    lte_delta_conv_weights(walk, g);
    lte_walk_weight(walk, &g->b_proj, "b_proj.weight", normal, LTE_SHAPE(g->heads, width));
    if (g->gate)
        lte_walk_weight(walk, &g->g_proj, "g_proj.weight", normal, LTE_SHAPE(values, width));
    lte_delta_out_weights(walk, g, NULL);
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_delta_net = {"delta_net", configure, weights};
