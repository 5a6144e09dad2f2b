// SPDX-License-Identifier: BSD-2-Clause
// model_type "delta_net": DeltaNet, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

// Channels of all heads, the hidden size times a factor; returns those of one head.
static uint32_t head_width(struct lte_config *config, const struct lte_model *model, uint32_t heads,
                           const char *key)
{
    const double expand = lte_config_number_or(config, key, 0, 64, 1);
    const uint32_t all = (uint32_t)(model->width * expand);
    if (all && all % heads == 0 && all / heads <= LTE_MAX_HEAD_DIM)
        return all / heads;
    lte_config_fail(config, LTE_ERR_FORMAT, key,
                    "is %g: hidden_size times it is %u, which must be num_heads %u times 1 to %d",
                    expand, (unsigned)all, (unsigned)heads, LTE_MAX_HEAD_DIM);
    return 1;
}

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

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn delta = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    delta.heads = delta.value_heads = lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, 16);
    delta.key_dim = head_width(config, model, delta.heads, "expand_k");
    delta.value_dim = head_width(config, model, delta.heads, "expand_v");
    delta.gate = lte_config_bool_or(config, "use_gate", false);
    lte_delta_conv(config, &delta);
    delta.norm_eps = model->norm_eps;
    one_choice(config);
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
