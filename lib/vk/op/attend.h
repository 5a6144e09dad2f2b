// SPDX-License-Identifier: BSD-2-Clause
// What the dispatches of attend share: a group's shapes and ranges.
#ifndef LTE_LIB_VK_OP_ATTEND_H
#define LTE_LIB_VK_OP_ATTEND_H

#include "lib/kv.h"
#include "lib/vk/encode.h"

struct lte_vk_attend {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_kv kv;
    struct lte_attend_params p;
    struct lte_vk_range state, q, k, v, score, plan, spare, split, back, shares, out;
    bool stores, beside;
};

// A part of the op, for all groups beside each other. It makes a call, or none.
void lte_vk_attend_all(struct lte_vk_encoder *encoder, struct lte_vk_attend *attend,
                       void (*part)(struct lte_vk_attend *));

// All but the rounding of keys and values.
void lte_vk_attend_prompt(struct lte_vk_encoder *encoder, struct lte_vk_attend *attend);

#endif
