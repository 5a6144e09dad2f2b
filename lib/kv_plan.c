// SPDX-License-Identifier: BSD-2-Clause
// Visibility of every key for every query of a call, with streaming eviction: rules N1-N5 of
// learnable token eviction. Before query i the token at position + i - window leaves the window; it
// enters the retained buffer or is dropped, as simd/evict.h says.
#include "config.h"

#include <math.h>

#include "lib/kv.h"

size_t lte_kv_plan_bytes(const struct lte_attend_op *op, const struct lte_session_params *params,
                         size_t rows)
{
    const size_t ring = op->window ? op->window : (size_t)params->max_tokens;
    return lte_align((2 * (op->buffer + ring + rows) + op->buffer + rows) * sizeof(uint32_t) +
                     rows * sizeof(float));
}

struct lte_kv_plan lte_kv_plan_carve(const struct lte_kv *kv, size_t rows, void *scratch)
{
    const size_t keys = kv->op->buffer + kv->ring + rows;
    uint32_t *p = scratch;
    return (struct lte_kv_plan){.from = p,
                                .until = p + keys,
                                .owner = p + 2 * keys,
                                .slot = p + 2 * keys + kv->op->buffer,
                                .leaving = (float *)(void *)(p + 2 * keys + kv->op->buffer + rows)};
}

// The key number of the token that leaves before query i.
static uint32_t leaving_key(const struct lte_kv *kv, const struct lte_kv_tokens *t, size_t i)
{
    if (i >= kv->ring)
        return (uint32_t)(kv->op->buffer + i); // it came in this call, in row i - ring
    return (uint32_t)(kv->op->buffer + (t->position + i) % kv->ring);
}

// Its score: infinite for a sink; out of the ring if it was known before this call.
static float leaving_score(const struct lte_kv *kv, const struct lte_kv_tokens *t, size_t head,
                           size_t i)
{
    const uint64_t token = t->position + i - kv->ring;
    if (token < kv->op->sinks)
        return INFINITY;
    if (token + kv->op->delay < t->position)
        return kv->ring_score[head * kv->ring + token % kv->ring];
    return t->score[(size_t)(token + kv->op->delay - t->position) * kv->op->key_heads + head];
}

// Runs the buffer over the tokens that leave before queries first..rows-1.
static void evict(const struct lte_kv *kv, const struct lte_kernels *kernels,
                  const struct lte_kv_tokens *t, size_t head, size_t first,
                  const struct lte_kv_plan *plan)
{
    const size_t capacity = kv->op->buffer, used = (size_t)kv->buffer_used[head];
    size_t filled = used;
    for (size_t s = 0; s < used; s++)
        plan->owner[s] = (uint32_t)s;
    for (size_t i = first; i < t->rows; i++)
        plan->leaving[i] = leaving_score(kv, t, head, i);
    kv->buffer_used[head] =
        kernels->evict(kv->buffer_score + head * capacity, capacity, used, plan->leaving + first,
                       t->rows - first, plan->slot + first);
    for (size_t i = first; i < t->rows; i++) {
        const uint32_t slot = plan->slot[i], key = leaving_key(kv, t, i);
        if (slot == LTE_EVICT_DROPPED)
            continue;
        if (slot < filled)
            plan->until[plan->owner[slot]] = (uint32_t)i;
        else
            filled = slot + 1;
        plan->owner[slot] = key;
        plan->until[key] = (uint32_t)t->rows;
    }
}

// Keys first..first+n-1 are seen by queries 0..until-1.
static void see(const struct lte_kv_plan *plan, size_t first, size_t n, uint32_t until)
{
    for (size_t key = first; key < first + n; key++) {
        plan->from[key] = 0;
        plan->until[key] = until;
    }
}

void lte_kv_plan_head(const struct lte_kv *kv, const struct lte_kernels *kernels,
                      const struct lte_kv_tokens *t, size_t head, const struct lte_kv_plan *plan)
{
    const size_t held = kv->op->retains ? (size_t)kv->buffer_used[head] : 0;
    const uint32_t rows = (uint32_t)t->rows;
    see(plan, 0, held, rows);
    see(plan, held, kv->op->buffer - held, 0);
    see(plan, kv->op->buffer, lte_kv_ring_used(kv, t->position), rows);
    see(plan, kv->op->buffer + kv->ring, t->rows, rows);
    for (uint32_t r = 0; r < rows; r++)
        plan->from[kv->op->buffer + kv->ring + r] = r;
    // The first query before which a token leaves.
    const size_t first = t->position < kv->ring ? (size_t)(kv->ring - t->position) : 0;
    for (size_t i = first; i < t->rows; i++)
        plan->until[leaving_key(kv, t, i)] = (uint32_t)i;
    if (kv->op->retains && first < t->rows)
        evict(kv, kernels, t, head, first, plan);
    else if (kv->op->retains)
        for (size_t s = 0; s < held; s++)
            plan->owner[s] = (uint32_t)s;
}
