// SPDX-License-Identifier: BSD-2-Clause
// The merge table: which two neighbouring pieces become one, and in what order of preference.
#ifndef LTE_LIB_TOKENIZER_MERGES_H
#define LTE_LIB_TOKENIZER_MERGES_H

#include "lib/tokenizer/buffer.h"

struct lte_merge {
    uint32_t left, right;
    uint32_t rank;   // lower goes first
    uint32_t result; // LTE_NO_ID: a free slot
};

struct lte_merges {
    struct lte_merge *slots;
    size_t mask;
    unsigned shift;
};

enum lte_status lte_merges_make(struct lte_merges *merges, struct lte_pool *pool, size_t count);
// Enters a merge; one of the same pair is replaced.
void lte_merges_add(struct lte_merges *merges, struct lte_merge merge);

static inline size_t lte_merges_slot(const struct lte_merges *m, uint32_t left, uint32_t right)
{
    const uint64_t pair = (uint64_t)left << 32 | right;
    return (size_t)((pair ^ (pair >> 29)) * 0x9e3779b97f4a7c15u >> m->shift);
}

// The merge of a pair, or NULL.
static inline const struct lte_merge *lte_merges_find(const struct lte_merges *m, uint32_t left,
                                                      uint32_t right)
{
    for (size_t i = lte_merges_slot(m, left, right);; i = (i + 1) & m->mask) {
        const struct lte_merge *s = &m->slots[i];
        if (s->result == UINT32_MAX)
            return NULL;
        if (s->left == left && s->right == right)
            return s;
    }
}

#endif
