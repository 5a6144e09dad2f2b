// SPDX-License-Identifier: BSD-2-Clause
// Layout of a layer's keys and values, and moving them at the end of a call.
#include "config.h"

#include "lib/kv.h"

#include <string.h>

static size_t ring_entries(const struct lte_attend_op *op, const struct lte_session_params *params)
{
    return op->window ? op->window : (size_t)params->max_tokens;
}

// Takes `bytes` from a running offset, aligned; NULL while only counting.
static void *take(unsigned char *state, size_t *at, size_t bytes)
{
    void *p = state ? state + *at : NULL;
    *at += lte_align(bytes);
    return p;
}

size_t lte_kv_carve(const struct lte_attend_op *op, const struct lte_session_params *params,
                    void *state, struct lte_kv *kv)
{
    struct lte_kv unused;
    struct lte_kv *k = kv ? kv : &unused;
    size_t at = 0;
    *k = (struct lte_kv){.op = op, .type = params->kv_dtype, .ring = ring_entries(op, params)};
    const size_t entry = op->key_heads * op->head_dim * lte_dtype_size(k->type);
    k->ring_k = take(state, &at, k->ring * entry);
    k->ring_v = take(state, &at, k->ring * entry);
    if (op->retains) {
        const size_t slots = op->key_heads * op->buffer;
        k->buffer_k = take(state, &at, op->buffer * entry);
        k->buffer_v = take(state, &at, op->buffer * entry);
        k->ring_score = take(state, &at, op->key_heads * k->ring * sizeof *k->ring_score);
        k->buffer_score = take(state, &at, slots * sizeof *k->buffer_score);
        k->buffer_position = take(state, &at, slots * sizeof *k->buffer_position);
        k->buffer_used = take(state, &at, op->key_heads * sizeof *k->buffer_used);
    }
    return at;
}

size_t lte_kv_counts(const struct lte_attend_op *op, const struct lte_session_params *params)
{
    return lte_kv_carve(op, params, NULL, NULL) - lte_align(op->key_heads * sizeof(uint64_t)); // last
}

size_t lte_kv_ring_used(const struct lte_kv *kv, uint64_t position)
{
    return position < kv->ring ? (size_t)position : kv->ring;
}

// Entry `i` of a head in an array [key_heads][n][head_dim].
static unsigned char *entry(const struct lte_kv *kv, void *base, size_t n, size_t head, size_t i)
{
    return (unsigned char *)base +
           (head * n + i) * kv->op->head_dim * lte_dtype_size(kv->type);
}

// Copies key `from` of the plan's numbering into buffer slot `to`.
static void keep(const struct lte_kv *kv, const struct lte_kernels *kernels,
                 const struct lte_kv_tokens *t, size_t head, uint32_t from, size_t to)
{
    const struct lte_attend_op *op = kv->op;
    const size_t bytes = op->head_dim * lte_dtype_size(kv->type);
    unsigned char *k = entry(kv, kv->buffer_k, op->buffer, head, to);
    unsigned char *v = entry(kv, kv->buffer_v, op->buffer, head, to);
    const size_t index = from - op->buffer; // the key was in the ring or came in this call
    uint64_t position;
    if (index < kv->ring) {
        memcpy(k, entry(kv, kv->ring_k, kv->ring, head, index), bytes);
        memcpy(v, entry(kv, kv->ring_v, kv->ring, head, index), bytes);
        // the ring slot's token: the last position before this call that is congruent to it
        position = t->position - 1 - (t->position - 1 - index) % kv->ring;
    } else {
        const size_t row = index - kv->ring;
        const size_t at = (row * op->key_heads + head) * op->head_dim;
        kernels->narrow[kv->type](k, t->k + at, op->head_dim);
        kernels->narrow[kv->type](v, t->v + at, op->head_dim);
        position = t->position + row;
    }
    kv->buffer_position[head * op->buffer + to] = position;
}

static void store_scores(const struct lte_kv *kv, const struct lte_kv_tokens *t, size_t head)
{
    const size_t delay = kv->op->delay;
    for (size_t r = 0; r < t->rows; r++) {
        if (t->position + r < delay)
            continue; // the score of no token
        const uint64_t token = t->position + r - delay;
        if (token + kv->ring >= t->position + t->rows) // still in the ring afterwards
            kv->ring_score[head * kv->ring + token % kv->ring] = t->score[r * kv->op->key_heads + head];
    }
}

void lte_kv_store_head(const struct lte_kv *kv, const struct lte_kernels *kernels,
                       const struct lte_kv_tokens *t, size_t head, const struct lte_kv_plan *plan)
{
    const struct lte_attend_op *op = kv->op;
    if (op->retains) {
        const size_t used = (size_t)kv->buffer_used[head];
        for (size_t s = 0; s < used; s++)
            if (plan->owner[s] >= op->buffer)
                keep(kv, kernels, t, head, plan->owner[s], s);
        store_scores(kv, t, head);
    }
    for (size_t r = t->rows > kv->ring ? t->rows - kv->ring : 0; r < t->rows; r++) {
        const size_t slot = (size_t)((t->position + r) % kv->ring);
        const size_t at = (r * op->key_heads + head) * op->head_dim;
        kernels->narrow[kv->type](entry(kv, kv->ring_k, kv->ring, head, slot), t->k + at, op->head_dim);
        kernels->narrow[kv->type](entry(kv, kv->ring_v, kv->ring, head, slot), t->v + at, op->head_dim);
    }
}
