// SPDX-License-Identifier: BSD-2-Clause
// model_type "retnet": retention, with attention in the layers that "attn" lists.
#include "config.h"

#include <string.h>

#include "lib/arch/fla.h"

// The reference's model does not hand these to its layers.
static void idle_keys(struct lte_config *config)
{
    lte_config_u32_or(config, "conv_size", 1, LTE_MAX_TAPS, 4);
    if (lte_config_bool_or(config, "use_short_conv", false))
        lte_log(config->context, LTE_LOG_WARNING,
                "%s: %suse_short_conv is true: without effect in retnet", config->name,
                config->prefix);
}

void lte_retnet_configure(struct lte_config *config, const struct lte_model *model,
                          struct lte_retnet *r)
{
    static const char *const maps[] = {"silu", "swish", "none", NULL};
    enum { NONE = 2 };
    r->heads = lte_config_u32_or(config, "num_heads", 1, LTE_MAX_HEADS, 8);
    r->key_heads = lte_config_u32_or(config, "num_kv_heads", 1, LTE_MAX_HEADS, r->heads);
    if (r->heads % r->key_heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_kv_heads", "is %u, num_heads %u no multiple",
                        (unsigned)r->key_heads, (unsigned)r->heads);
    r->key_dim = lte_head_width(config, model, r->heads, "expand_k", 1);
    r->value_dim = lte_head_width(config, model, r->heads, "expand_v", 2);
    if (r->key_dim % 2)
        lte_config_fail(config, LTE_ERR_FORMAT, "expand_k",
                        "makes keys of %u: rotary positions need pairs", (unsigned)r->key_dim);
    r->silu = lte_config_choice_or(config, "feature_map", maps, NONE) != NONE;
    r->gate = lte_config_bool_or(config, "use_output_gate", true);
    r->norm_eps = model->norm_eps;
}

// The reference fuses the norm with the gate that follows it, and then calls it so, if it can.
static bool is_fused(struct lte_config *config)
{
    char act[16] = "swish"; // any other value is judged by those who read it next
    json_t *value = json_object_get(config->keys, "hidden_act");
    if (json_is_string(value))
        strncpy(act, json_string_value(value), sizeof act - 1);
    return lte_config_bool_or(config, "fuse_norm", true) && strcmp(act, "swish") == 0;
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_layer layer = {.mixer = LTE_MIXER_RETNET};
    layer.retnet.fused_name = is_fused(config);
    lte_config_defaults(config, "{\"hidden_ratio\":2}");
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_retnet_configure(config, model, &layer.retnet);
    idle_keys(config);
    lte_fla_layers(config, model, &layer);
}

void lte_retnet_weights(struct lte_walk *walk, struct lte_retnet *r)
{
    const struct lte_init normal = lte_init_normal(walk->model->init_range);
    const uint64_t width = walk->model->width, values = (uint64_t)r->heads * r->value_dim;
    const uint64_t queries = (uint64_t)r->heads * r->key_dim, group = r->heads / r->key_heads;
    lte_walk_weight(walk, &r->q_proj, "q_proj.weight", normal, LTE_SHAPE(queries, width));
    lte_walk_weight(walk, &r->k_proj, "k_proj.weight", normal, LTE_SHAPE(queries / group, width));
    lte_walk_weight(walk, &r->v_proj, "v_proj.weight", normal, LTE_SHAPE(values / group, width));
    if (r->gate)
        lte_walk_weight(walk, &r->g_proj, "g_proj.weight", normal, LTE_SHAPE(values, width));
    lte_walk_weight(walk, &r->g_norm,
                    r->gate && r->fused_name ? "g_norm_swish_gate.weight" : "g_norm.weight",
                    lte_init_constant(1), LTE_SHAPE(r->value_dim));
    lte_walk_weight(walk, &r->o_proj, "o_proj.weight", normal, LTE_SHAPE(width, values));
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_retnet = {"retnet", configure, weights};
