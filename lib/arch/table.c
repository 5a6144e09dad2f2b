// SPDX-License-Identifier: BSD-2-Clause
// All model families.
#include "config.h"

#include <stddef.h>

#include "lib/arch/arch.h"

const struct lte_family *const lte_families[] = {
    &lte_family_transformer,
    &lte_family_gated_deltanet,
    &lte_family_hybrid_gated_deltanet,
    &lte_family_ouro,
    &lte_family_lt2,
    &lte_family_nsa,
    &lte_family_delta_net,
    &lte_family_kda,
    &lte_family_retnet,
    &lte_family_hgrn2,
    &lte_family_mamba2,
    NULL,
};

const char *const lte_family_names[] = {
    "transformer",
    "gated_deltanet",
    "hybrid_gated_deltanet",
    "ouro",
    "lt2",
    "nsa",
    "delta_net",
    "kda",
    "retnet",
    "hgrn2",
    "mamba2",
    NULL,
};
