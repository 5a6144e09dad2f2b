// SPDX-License-Identifier: BSD-2-Clause
// Keys and values kept by an attention layer: a ring of the last tokens and, with learnable token
// eviction, a retained buffer per head. Who sees what is worked out per head, for all tokens of a
// call at once, before anything is overwritten:
//   kv_plan   lets the tokens that leave the window enter the buffer, and turns the outcome into a
//             range of queries [from, until) for every key: in the ring, the buffer or this call;
//   attend    (simd/attend.h) reads keys by these ranges;
//   kv_store  moves the survivors to where the next call finds them.
// Full attention is a ring as long as the context limit: nothing ever leaves it.
#ifndef LTE_LIB_KV_H
#define LTE_LIB_KV_H

#include "lib/op.h"

// A layer's slot, carved from its state. K and V entries are of type `type`,
// [key_heads][n][head_dim].
struct lte_kv {
    const struct lte_attend_op *op;
    enum lte_dtype type;
    size_t ring;                 // entries of the ring
    void *ring_k, *ring_v;
    float *ring_score;           // [key_heads][ring]; retaining layers only, as all below
    void *buffer_k, *buffer_v;
    float *buffer_score;         // [key_heads][buffer]
    uint64_t *buffer_position;   // [key_heads][buffer]: which token is kept
    uint64_t *buffer_used;       // [key_heads]
};

// Bytes of the slot; with `state` non-NULL also fills *kv with pointers into it.
size_t lte_kv_carve(const struct lte_attend_op *op, const struct lte_session_params *params,
                    void *state, struct lte_kv *kv);

// Where in the slot of a retaining layer buffer_used lies.
size_t lte_kv_counts(const struct lte_attend_op *op, const struct lte_session_params *params);

// This call's tokens: row r is the token at position + r. Strides in floats.
struct lte_kv_tokens {
    const float *k, *v;          // [rows][key_heads * head_dim]
    const float *score;          // [rows][key_heads]: of the token `delay` earlier; or NULL
    size_t rows;
    uint64_t position;
};

// Ranges of one head; keys are numbered buffer, then ring, then this call.
struct lte_kv_plan {
    uint32_t *from, *until;      // [buffer + ring + rows]
    uint32_t *owner;             // [buffer]: the key that each buffer slot holds at the end
    uint32_t *slot;              // [rows]: buffer slot taken by the token that left before row i
    float *leaving;              // [rows]: its score
};
// Floats/words of scratch for the plan of one head, and its carving.
size_t lte_kv_plan_bytes(const struct lte_attend_op *op, const struct lte_session_params *params,
                         size_t rows);
struct lte_kv_plan lte_kv_plan_carve(const struct lte_kv *kv, size_t rows, void *scratch);

void lte_kv_plan_head(const struct lte_kv *kv, const struct lte_kernels *kernels,
                      const struct lte_kv_tokens *tokens, size_t head,
                      const struct lte_kv_plan *plan);
// Entries of the ring that hold a token before `position`: slots 0..n-1.
size_t lte_kv_ring_used(const struct lte_kv *kv, uint64_t position);
void lte_kv_store_head(const struct lte_kv *kv, const struct lte_kernels *kernels,
                       const struct lte_kv_tokens *tokens, size_t head,
                       const struct lte_kv_plan *plan);

#endif
