// SPDX-License-Identifier: BSD-2-Clause
// model_type "hybrid_gated_deltanet": Gated DeltaNet, with learnable token eviction, native
// sparse attention or attention in the layers that "attn" lists.
#include "config.h"

#include <math.h>
#include <string.h>

#include "lib/arch/fla.h"

static void attn_keys(struct lte_config *config, struct lte_model *model)
{
    static const char *const types[] = {"lte", "attn", "nsa", NULL};
    enum { LTE, ATTENTION, NSA };
    static const enum lte_mixer mixer[] = {LTE_MIXER_LTE, LTE_MIXER_ATTENTION, LTE_MIXER_NSA};
    struct lte_attention attention = {0};
    struct lte_config attn;
    lte_config_object(config, "attn", "attn.", &attn);
    if (!attn.keys)
        return;
    const unsigned type = lte_config_choice_or(&attn, "attn_type", types, ATTENTION);
    if (type == NSA)
        lte_nsa_configure(&attn, &attention);
    else
        lte_attention_configure(&attn, model, &attention);
    if (type == LTE)
        lte_eviction_configure(&attn, model, &attention);
    else if (type == ATTENTION)
        lte_attention_window(&attn, &attention);
    lte_fla_attn_layers(&attn, model, mixer[type], &attention);
    lte_config_end(&attn);
}

// The reference's class takes these keys and then does not look at them: they are no error, but a
// value that would matter elsewhere is worth a word.
static void idle_keys(struct lte_config *config, const struct lte_gdn *gdn)
{
    const uint32_t heads = lte_config_u32_or(config, "num_v_heads", 1, LTE_MAX_HEADS, gdn->heads);
    const bool negative = lte_config_bool_or(config, "allow_neg_eigval", false);
    if (heads != gdn->heads)
        lte_log(config->context, LTE_LOG_WARNING,
                "%s: num_v_heads is %u: without effect in hybrid_gated_deltanet", config->name,
                (unsigned)heads);
    if (negative)
        lte_log(config->context, LTE_LOG_WARNING,
                "%s: allow_neg_eigval is true: without effect in hybrid_gated_deltanet",
                config->name);
}

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn gdn = {0};
    if (!lte_fla_configure(config, model, 0.006))
        return;
    lte_gdn_configure(config, model, &gdn);
    idle_keys(config, &gdn);
    attn_keys(config, model);
    for (uint32_t n = 0; n < model->layers; n++)
        if (model->layer[n].mixer == LTE_MIXER_GDN)
            model->layer[n].gdn = gdn;
}

// Only this class scales what writes to the residual by the depth.
static struct lte_init out_init(const struct lte_model *model, uint64_t fan_in)
{
    return lte_init_uniform(1 / sqrt((double)fan_in) / sqrt(2.0 * model->layers));
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, out_init);
}

const struct lte_family lte_family_hybrid_gated_deltanet = {"hybrid_gated_deltanet", configure,
                                                            weights};
