// SPDX-License-Identifier: BSD-2-Clause
// The table of model families: what a config and a checkpoint of each look like.
#ifndef LTE_LIB_ARCH_ARCH_H
#define LTE_LIB_ARCH_ARCH_H

#include "lib/model_config.h"
#include "lib/weights.h"

struct lte_family {
    const char *name;                                                  // model_type
    void (*configure)(struct lte_config *config, struct lte_model *model); // all but model_type
    void (*weights)(struct lte_walk *walk);
};

// Ended by NULL; names in the same order, for lte_config_choice().
extern const struct lte_family *const lte_families[];
extern const char *const lte_family_names[];

extern const struct lte_family lte_family_transformer;
extern const struct lte_family lte_family_gated_deltanet;
extern const struct lte_family lte_family_hybrid_gated_deltanet;
extern const struct lte_family lte_family_ouro;
extern const struct lte_family lte_family_lt2;
extern const struct lte_family lte_family_nsa;
extern const struct lte_family lte_family_delta_net;
extern const struct lte_family lte_family_kda;
extern const struct lte_family lte_family_retnet;
extern const struct lte_family lte_family_hgrn2;
extern const struct lte_family lte_family_mamba2;

#endif
