// SPDX-License-Identifier: BSD-2-Clause
// The linear mixers of "lt2" layouts: each has the keys of its own family in an object of its own,
// with defaults by the model's width and its number of heads.
#include "config.h"

#include <stdio.h>

#include "lib/arch/fla.h"

static uint32_t at_least_one(uint64_t n)
{
    return n ? (uint32_t)n : 1;
}

// Keys three quarters as wide as the model, values twice as wide as keys.
static void gdn(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                struct lte_layer *layer)
{
    char text[96];
    const uint32_t key_dim = at_least_one((uint64_t)model->width * 3 / 4 / heads);
    snprintf(text, sizeof text, "{\"num_heads\":%u,\"head_dim\":%u,\"expand_v\":2}",
             (unsigned)heads, (unsigned)key_dim);
    lte_config_defaults(own, text);
    lte_gdn_configure(own, model, &layer->gdn);
    lte_delta_value_heads(own, &layer->gdn);
    layer->gdn.neg_eigval = lte_config_bool_or(own, "allow_neg_eigval", false);
    layer->gdn.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static void kda(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                struct lte_layer *layer)
{
    char text[96];
    snprintf(text, sizeof text, "{\"num_heads\":%u,\"head_dim\":%u}", (unsigned)heads,
             (unsigned)at_least_one(model->width / heads));
    lte_config_defaults(own, text);
    lte_kda_configure(own, model, &layer->gdn);
    layer->gdn.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static void delta_net(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                      struct lte_layer *layer)
{
    char text[96];
    snprintf(text, sizeof text, "{\"num_heads\":%u}", (unsigned)heads);
    lte_config_defaults(own, text);
    lte_delta_net_configure(own, model, &layer->gdn);
    layer->gdn.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static void retnet(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                   struct lte_layer *layer)
{
    char text[96];
    snprintf(text, sizeof text, "{\"num_heads\":%u}", (unsigned)heads);
    lte_config_defaults(own, text);
    lte_retnet_configure(own, model, &layer->retnet);
    layer->retnet.fused_name = true;
    layer->retnet.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static void hgrn2(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                  struct lte_layer *layer)
{
    char text[96];
    snprintf(text, sizeof text, "{\"num_heads\":%u}", (unsigned)heads);
    if (!lte_config_has(own, "expand_ratio"))
        lte_config_defaults(own, text);
    lte_hgrn2_configure(own, model, &layer->hgrn2);
    layer->hgrn2.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static void mamba2(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                   struct lte_layer *layer)
{
    char text[160];
    snprintf(text, sizeof text,
             "{\"head_dim\":%u,\"state_size\":64,\"rescale_prenorm_residual\":false}",
             (unsigned)at_least_one(2 * (uint64_t)model->width / heads));
    lte_config_defaults(own, text);
    lte_mamba2_configure(own, model, &layer->mamba2);
    layer->mamba2.norm_eps = (float)lte_config_number_or(own, "norm_eps", 0, 1, 1e-5);
}

static const struct mixer_keys {
    enum lte_mixer mixer;
    const char *key, *prefix;
    void (*configure)(struct lte_config *own, const struct lte_model *model, uint32_t heads,
                      struct lte_layer *layer);
} mixer_keys[] = {
    {LTE_MIXER_GDN, "gdn", "gdn.", gdn},
    {LTE_MIXER_KDA, "kda", "kda.", kda},
    {LTE_MIXER_DELTA_NET, "deltanet", "deltanet.", delta_net},
    {LTE_MIXER_RETNET, "retnet", "retnet.", retnet},
    {LTE_MIXER_HGRN2, "hgrn2", "hgrn2.", hgrn2},
    {LTE_MIXER_MAMBA2, "mamba2", "mamba2.", mamba2},
};

void lte_lt2_mixers(struct lte_config *config, const struct lte_model *model, uint32_t heads,
                    const bool *used, struct lte_layer *layer)
{
    for (size_t i = 0; i < sizeof mixer_keys / sizeof mixer_keys[0]; i++) {
        const struct mixer_keys *m = &mixer_keys[i];
        struct lte_config own;
        // What no layer uses need not fit the model.
        if (!lte_config_ok(config) || (!used[m->mixer] && !lte_config_has(config, m->key)))
            continue;
        lte_config_object(config, m->key, m->prefix, &own);
        m->configure(&own, model, heads, &layer[m->mixer]);
        lte_config_end(&own);
    }
}
