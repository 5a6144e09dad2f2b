// SPDX-License-Identifier: BSD-2-Clause
// The merge table: open addressing, linear probing, half full at most.
#include "config.h"

#include "lib/tokenizer/merges.h"

enum lte_status lte_merges_make(struct lte_merges *merges, struct lte_pool *pool, size_t count)
{
    unsigned bits = 4;
    while (((size_t)1 << bits) < 2 * count)
        bits++;
    const size_t slots = (size_t)1 << bits;
    merges->slots = lte_pool_alloc(pool, slots, sizeof *merges->slots);
    merges->mask = slots - 1;
    merges->shift = 64 - bits;
    if (!merges->slots)
        return LTE_ERR_MEMORY;
    for (size_t i = 0; i < slots; i++)
        merges->slots[i].result = UINT32_MAX;
    return LTE_OK;
}

void lte_merges_add(struct lte_merges *merges, struct lte_merge merge)
{
    size_t i = lte_merges_slot(merges, merge.left, merge.right);
    for (;; i = (i + 1) & merges->mask) {
        const struct lte_merge *s = &merges->slots[i];
        if (s->result == UINT32_MAX || (s->left == merge.left && s->right == merge.right))
            break;
    }
    merges->slots[i] = merge;
}
