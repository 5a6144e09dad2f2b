// SPDX-License-Identifier: BSD-2-Clause
// Counts of pairs: a hash table, and a heap that is put right only at its top. Counts in the heap
// are too high at most, because a pair that becomes more frequent is entered anew.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/train_pairs.h"

struct candidate {
    uint64_t count;
    struct lte_pair_name name;
    uint32_t pair;
};

void lte_pairs_begin(struct lte_pairs *pairs, const struct lte_context *context)
{
    const struct lte_buffer empty = {.context = context};
    *pairs = (struct lte_pairs){empty, empty, empty, empty, NULL, 0};
}

void lte_pairs_free(struct lte_pairs *p)
{
    lte_release(p->pairs.context, p->slots, (p->mask + 1) * sizeof *p->slots);
    lte_buffer_free(&p->pairs);
    lte_buffer_free(&p->places);
    lte_buffer_free(&p->heap);
    lte_buffer_free(&p->raised);
}

static struct lte_pair *pair_at(const struct lte_pairs *p, uint32_t index)
{
    return (struct lte_pair *)(void *)p->pairs.bytes + index;
}

static size_t pair_count(const struct lte_pairs *p)
{
    return p->pairs.length / sizeof(struct lte_pair);
}

// The slot of a pair, or the free one where it belongs.
static uint32_t *find(const struct lte_pairs *p, struct lte_pair_name n)
{
    const uint64_t key = (uint64_t)n.left << 32 | n.right;
    size_t i = (size_t)((key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & p->mask;
    for (;; i = (i + 1) & p->mask) {
        if (!p->slots[i])
            return &p->slots[i];
        const struct lte_pair_name *found = &pair_at(p, p->slots[i] - 1)->name;
        if (found->left == n.left && found->right == n.right)
            return &p->slots[i];
    }
}

static enum lte_status grow(struct lte_pairs *p)
{
    enum { FIRST = 1 << 12 };
    const size_t slots = p->slots ? 2 * (p->mask + 1) : FIRST;
    uint32_t *grown = lte_alloc_array(p->pairs.context, slots, sizeof *grown);
    if (!grown)
        return lte_fail_memory(p->pairs.context, "the pairs of a text", slots * sizeof *grown);
    lte_release(p->pairs.context, p->slots, (p->mask + 1) * sizeof *p->slots);
    p->slots = grown;
    p->mask = slots - 1;
    for (size_t i = 0; i < pair_count(p); i++)
        *find(p, pair_at(p, (uint32_t)i)->name) = (uint32_t)i + 1;
    return LTE_OK;
}

static enum lte_status find_or_add(struct lte_pairs *p, struct lte_pair_name name, uint32_t *index)
{
    if (!p->slots || pair_count(p) > p->mask / 2)
        LTE_TRY(grow(p));
    uint32_t *slot = find(p, name);
    if (!*slot) {
        const struct lte_pair fresh = {.name = name};
        LTE_TRY(lte_buffer_append(&p->pairs, &fresh, sizeof fresh));
        *slot = (uint32_t)pair_count(p);
    }
    *index = *slot - 1;
    return LTE_OK;
}

enum lte_status lte_pairs_add(struct lte_pairs *p, struct lte_pair_name name, uint32_t word,
                              uint64_t count)
{
    uint32_t index;
    LTE_TRY(find_or_add(p, name, &index));
    struct lte_pair *pair = pair_at(p, index);
    if (!pair->queued)
        LTE_TRY(lte_buffer_append(&p->raised, &index, sizeof index));
    pair->queued = true;
    pair->count += count;
    if (pair->places && lte_pairs_place(p, pair->places).word == word)
        return LTE_OK;
    const struct lte_pair_place place = {word, pair->places};
    const size_t places = p->places.length / sizeof place;
    if (places >= UINT32_MAX - 1)
        return lte_fail_memory(p->pairs.context, "the places of pairs", p->places.length);
    LTE_TRY(lte_buffer_append(&p->places, &place, sizeof place));
    pair->places = (uint32_t)places + 1;
    return LTE_OK;
}

void lte_pairs_remove(struct lte_pairs *p, struct lte_pair_name name, uint64_t count)
{
    pair_at(p, *find(p, name) - 1)->count -= count;
}

static bool goes_first(const struct candidate *a, const struct candidate *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->name.left != b->name.left ? a->name.left < b->name.left
                                        : a->name.right < b->name.right;
}

static struct candidate *heap_of(const struct lte_pairs *p)
{
    return (struct candidate *)(void *)p->heap.bytes;
}

static size_t heap_size(const struct lte_pairs *p)
{
    return p->heap.length / sizeof(struct candidate);
}

static void rise(struct candidate *heap, size_t at)
{
    const struct candidate c = heap[at];
    for (; at && goes_first(&c, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = c;
}

static void sink(struct candidate *heap, size_t size)
{
    const struct candidate c = heap[0];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && goes_first(&heap[child + 1], &heap[child]))
            child++;
        if (!goes_first(&heap[child], &c))
            break;
        heap[at] = heap[child];
    }
    heap[at] = c;
}

enum lte_status lte_pairs_settle(struct lte_pairs *p)
{
    for (size_t at = 0; at < p->raised.length; at += sizeof(uint32_t)) {
        uint32_t index;
        memcpy(&index, p->raised.bytes + at, sizeof index);
        struct lte_pair *pair = pair_at(p, index);
        const struct candidate c = {pair->count, pair->name, index};
        pair->queued = false;
        if (!c.count)
            continue;
        LTE_TRY(lte_buffer_append(&p->heap, &c, sizeof c));
        rise(heap_of(p), heap_size(p) - 1);
    }
    p->raised.length = 0;
    return LTE_OK;
}

const struct lte_pair *lte_pairs_take(struct lte_pairs *p)
{
    while (heap_size(p)) {
        struct candidate *top = heap_of(p);
        const struct lte_pair *pair = pair_at(p, top->pair);
        const bool current = top->count == pair->count;
        if (!current && pair->count) {
            top->count = pair->count;
            sink(top, heap_size(p));
            continue;
        }
        top[0] = top[heap_size(p) - 1];
        p->heap.length -= sizeof *top;
        if (heap_size(p))
            sink(top, heap_size(p));
        if (current && pair->count)
            return pair;
    }
    return NULL;
}
