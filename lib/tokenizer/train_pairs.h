// SPDX-License-Identifier: BSD-2-Clause
// The pairs of neighbours in a set of words: how often each occurs, in which words, and which is
// the most frequent one.
#ifndef LTE_LIB_TOKENIZER_TRAIN_PAIRS_H
#define LTE_LIB_TOKENIZER_TRAIN_PAIRS_H

#include "lib/tokenizer/train.h"

struct lte_pair {
    struct lte_pair_name name;
    uint64_t count;
    uint32_t places; // the last of its places, plus 1; 0: none
    bool queued;     // for lte_pairs_settle()
};
// A word that has, or once had, the pair.
struct lte_pair_place {
    uint32_t word;
    uint32_t next; // as `places`
};

struct lte_pairs {
    struct lte_buffer pairs, places; // of the two structures
    struct lte_buffer heap;          // candidates, whose counts may be out of date
    struct lte_buffer raised;        // numbers of pairs that have become more frequent
    uint32_t *slots;                 // numbers of pairs, plus 1
    size_t mask;
};

void lte_pairs_begin(struct lte_pairs *pairs, const struct lte_context *context);
void lte_pairs_free(struct lte_pairs *pairs);

// `count` more, or fewer, occurrences of a pair in `word`.
enum lte_status lte_pairs_add(struct lte_pairs *pairs, struct lte_pair_name name, uint32_t word,
                              uint64_t count);
void lte_pairs_remove(struct lte_pairs *pairs, struct lte_pair_name name, uint64_t count);
// Makes candidates of the pairs that were added to.
enum lte_status lte_pairs_settle(struct lte_pairs *pairs);
// Takes out the most frequent pair, the lowest of equally frequent ones; NULL if none occurs.
// Valid until the next addition.
const struct lte_pair *lte_pairs_take(struct lte_pairs *pairs);

static inline struct lte_pair_place lte_pairs_place(const struct lte_pairs *p, uint32_t place)
{
    return ((const struct lte_pair_place *)(const void *)p->places.bytes)[place - 1];
}

#endif
