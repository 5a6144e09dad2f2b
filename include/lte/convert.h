// SPDX-License-Identifier: BSD-2-Clause
// Conversion: a pre-trained transformer, looped or plain, made a hybrid.
#ifndef LTE_CONVERT_H
#define LTE_CONVERT_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fill with lte_convert_options_init(), then change what you want to.
struct lte_convert_options {
    const char *layout;      // which layers keep attention, as "layer_types" of lte(7) says it;
                             // NULL (default): "3:1", every fourth
    const char *config;      // a JSON object whose keys take the place of those derived, or NULL
    uint64_t seed;           // of the weights that the source lacks; default 0
    uintptr_t reserved[8];   // zero
};
LTE_API void lte_convert_options_init(struct lte_convert_options *options);

// Makes folder `to` with an "lt2" model from the "ouro", "transformer" or "lt2" checkpoint in
// `from`, whose layers must all be full or sliding attention. A layer that the layout makes Gated
// DeltaNet gets the source's matrices of queries, keys, values and outputs, key heads repeated
// where they were shared, and fresh weights for the rest; its biases, its norms of queries and keys
// and its output gate have no place there and are left behind. One that becomes sparse attention
// keeps all that the source has, and gets fresh weights for what selects: an indexer (dsa) or
// branch gates (nsa). Layers of retnet, hgrn2 and mamba2 are fresh. All else is copied bit for bit,
// the tokenizer too. Weights go from file to file in pieces. Nothing is overwritten; on failure
// nothing is left behind. `options` NULL: the defaults. LTE_ERR_ARGUMENT, LTE_ERR_MEMORY,
// LTE_ERR_IO, LTE_ERR_FORMAT, LTE_ERR_UNSUPPORTED.
LTE_API enum lte_status lte_convert(struct lte_context *context, const char *from, const char *to,
                                    const struct lte_convert_options *options);

#ifdef __cplusplus
}
#endif
#endif
