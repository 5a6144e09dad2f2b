// SPDX-License-Identifier: BSD-2-Clause
// How each kind of op is encoded.
#ifndef LTE_LIB_VK_OPS_H
#define LTE_LIB_VK_OPS_H

#include "lib/vk/encode.h"

// Indexed by kind; NULL: the device has no shader for it.
extern lte_vk_encode_fn *const lte_vk_ops[LTE_OPS];

lte_vk_encode_fn lte_vk_encode_rmsnorm;
lte_vk_encode_fn lte_vk_encode_short_conv, lte_vk_encode_delta_gates, lte_vk_encode_delta_rule,
    lte_vk_encode_diag_rule;

#endif
