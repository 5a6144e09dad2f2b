// SPDX-License-Identifier: BSD-2-Clause
// model_type "gated_deltanet": Gated DeltaNet, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

static void attn_keys(struct lte_config *config, struct lte_model *model)
{
    struct lte_attention attention = {0};
    struct lte_config attn;
    lte_config_object(config, "attn", "attn.", &attn);
    if (!attn.keys)
        return;
    lte_attention_configure(&attn, model, &attention);
    lte_attention_window(&attn, &attention);
    lte_attention_qk_norm(&attn, &attention);
    lte_fla_attn_layers(&attn, model, LTE_MIXER_ATTENTION, &attention);
    lte_config_end(&attn);
}

// Value heads may outnumber the query and key heads, which are then shared.
static void value_heads(struct lte_config *config, struct lte_gdn *gdn)
{
    gdn->value_heads = lte_config_u32_or(config, "num_v_heads", 1, LTE_MAX_HEADS, gdn->heads);
    if (gdn->value_heads % gdn->heads)
        lte_config_fail(config, LTE_ERR_FORMAT, "num_v_heads", "is %u, no multiple of num_heads %u",
                        (unsigned)gdn->value_heads, (unsigned)gdn->heads);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn gdn = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_gdn_configure(config, model, &gdn);
    value_heads(config, &gdn);
    gdn.neg_eigval = lte_config_bool_or(config, "allow_neg_eigval", false);
    attn_keys(config, model);
    for (uint32_t n = 0; n < model->layers; n++)
        if (model->layer[n].mixer == LTE_MIXER_GDN)
            model->layer[n].gdn = gdn;
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_gated_deltanet = {"gated_deltanet", configure, weights};
