// SPDX-License-Identifier: BSD-2-Clause
// model_type "gated_deltanet": Gated DeltaNet, with attention in the layers that "attn" lists.
#include "config.h"

#include "lib/arch/fla.h"

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_gdn gdn = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_gdn_configure(config, model, &gdn);
    lte_delta_value_heads(config, &gdn);
    gdn.neg_eigval = lte_config_bool_or(config, "allow_neg_eigval", false);
    lte_delta_layers(config, model, LTE_MIXER_GDN, &gdn);
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_gated_deltanet = {"gated_deltanet", configure, weights};
