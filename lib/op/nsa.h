// SPDX-License-Identifier: BSD-2-Clause
// What a layer of native sparse attention keeps of a sequence.
#ifndef LTE_LIB_OP_NSA_H
#define LTE_LIB_OP_NSA_H

#include "lib/op.h"

// A layer's slot: [key_heads][entries][head_dim] each.
struct lte_nsa_cache {
    enum lte_dtype type;
    size_t tokens, blocks;
    unsigned char *k, *v;
    float *pool_k, *pool_v; // means of complete blocks
};

// Bytes of the slot; with `state` non-NULL also fills *cache with pointers into it.
size_t lte_nsa_carve(const struct lte_nsa_op *op, const struct lte_session_params *params,
                     void *state, struct lte_nsa_cache *cache);

#endif
