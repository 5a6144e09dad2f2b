// SPDX-License-Identifier: BSD-2-Clause
// The vocabulary: pieces by id, ids by spelling (open addressing).
#ifndef LTE_LIB_TOKENIZER_VOCAB_H
#define LTE_LIB_TOKENIZER_VOCAB_H

#include "lib/tokenizer/buffer.h"

#define LTE_NO_ID UINT32_MAX
enum { LTE_MAX_ID = (1 << 22) - 1 }; // four times the largest vocabulary known

enum lte_piece_flags {
    LTE_PIECE_MODEL = 1, // the BPE model may produce it
    LTE_PIECE_ADDED = 2,
    LTE_PIECE_SPECIAL = 4
};

struct lte_piece {
    const unsigned char *text;    // as the file spells it; NULL: the id is a hole
    const unsigned char *decoded; // what it adds to the output
    uint32_t length, decoded_length;
    unsigned flags;
};

struct lte_vocab {
    struct lte_piece *pieces; // [size]
    uint32_t size;
    uint32_t *slots;          // id + 1; 0: free
    size_t mask;
};

// Room for ids 0..size-1 and `count` spellings.
enum lte_status lte_vocab_make(struct lte_vocab *vocab, struct lte_pool *pool, uint32_t size,
                               size_t count);
// Enters a piece. The id must be free and the spelling new; `text` must live as long as the table.
void lte_vocab_add(struct lte_vocab *vocab, uint32_t id, const unsigned char *text, size_t length,
                   unsigned flags);
// The id of a spelling, or LTE_NO_ID.
uint32_t lte_vocab_find(const struct lte_vocab *vocab, const void *text, size_t length);
// The same among the pieces of the BPE model alone.
uint32_t lte_vocab_find_model(const struct lte_vocab *vocab, const void *text, size_t length);

static inline bool lte_vocab_has(const struct lte_vocab *vocab, uint32_t id)
{
    return id < vocab->size && vocab->pieces[id].text;
}

#endif
