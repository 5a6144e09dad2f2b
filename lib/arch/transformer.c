// SPDX-License-Identifier: BSD-2-Clause
// model_type "transformer": softmax attention in every layer.
#include "config.h"

#include "lib/arch/fla.h"

static void configure(struct lte_config *config, struct lte_model *model)
{
    struct lte_attention attention = {0};
    if (!lte_fla_configure(config, model, 0.02))
        return;
    lte_attention_configure(config, model, &attention);
    lte_attention_window(config, &attention);
    lte_attention_qk_norm(config, &attention);
    for (uint32_t n = 0; n < model->layers; n++) {
        model->layer[n].mixer = LTE_MIXER_ATTENTION;
        model->layer[n].attention = attention;
    }
}

static void weights(struct lte_walk *walk)
{
    lte_fla_weights(walk, NULL);
}

const struct lte_family lte_family_transformer = {"transformer", configure, weights};
