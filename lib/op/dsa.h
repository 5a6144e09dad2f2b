// SPDX-License-Identifier: BSD-2-Clause
// What a layer of DeepSeek sparse attention keeps of a sequence.
#ifndef LTE_LIB_OP_DSA_H
#define LTE_LIB_OP_DSA_H

#include "lib/op.h"

// A layer's slot: [key_heads][tokens][head_dim] each, and [tokens][index_dim].
struct lte_dsa_cache {
    enum lte_dtype type;
    size_t tokens;
    unsigned char *k, *v, *index;
};

// Bytes of the slot; with `state` non-NULL also fills *cache with pointers into it.
size_t lte_dsa_carve(const struct lte_dsa_op *op, const struct lte_session_params *params,
                     void *state, struct lte_dsa_cache *cache);

#endif
