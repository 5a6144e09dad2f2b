// SPDX-License-Identifier: BSD-2-Clause
// Training of tokenizers: words and how often they occur, pairs and how often they occur, the file.
#ifndef LTE_LIB_TOKENIZER_TRAIN_H
#define LTE_LIB_TOKENIZER_TRAIN_H

#include "lib/tokenizer/tokenizer.h"
#include "lte/tokenizer_train.h"

// Distinct words of a text.
struct lte_word {
    const unsigned char *text;
    uint32_t length;
    uint64_t count;
};
struct lte_word_counts {
    struct lte_pool pool;
    struct lte_word *slots; // [mask + 1]; text NULL: free
    size_t mask, used;
};

// Counts the words of all inputs, split as `splitter` does before its model sees them; its special
// tokens are passed over. The counts are to be freed in any case.
enum lte_status lte_words_count(const struct lte_tokenizer *splitter, const char *const *inputs,
                                size_t count, struct lte_word_counts *words);
void lte_words_free(struct lte_word_counts *words);

// What has been trained: pieces as bytes, in the order of their ids, and the merges that make them.
struct lte_trained {
    const char *const *special;
    size_t special_count;
    bool special_first;       // their ids come before those of the pieces
    bool split_digits;
    struct lte_pool pool;
    struct lte_buffer pieces; // of struct lte_span
    struct lte_buffer merges; // of struct lte_pair_name
};
// Two neighbours, as numbers of pieces.
struct lte_pair_name {
    uint32_t left, right;
};

static inline const struct lte_span *lte_trained_piece(const struct lte_trained *t, size_t index)
{
    return (const struct lte_span *)(const void *)t->pieces.bytes + index;
}
static inline size_t lte_trained_pieces(const struct lte_trained *t)
{
    return t->pieces.length / sizeof(struct lte_span);
}

// Checks the special tokens and begins with the 256 bytes: by value, or, when special tokens come
// first, in the order of the characters that spell them. To be freed in any case.
enum lte_status lte_trained_begin(const struct lte_context *context, const char *const *special,
                                  size_t special_count, bool special_first,
                                  struct lte_trained *trained);
enum lte_status lte_trained_add(struct lte_trained *trained, struct lte_span piece);
// Whether a special token looks in the file as the piece does.
bool lte_trained_clashes(const struct lte_trained *trained, struct lte_span piece);
void lte_trained_free(struct lte_trained *trained);

// Appends tokenizer.json.
enum lte_status lte_trained_write(const struct lte_trained *trained, struct lte_buffer *json);

// Merges pairs until there are `limit` pieces or no pair occurs `fewest` times.
enum lte_status lte_trained_merge(struct lte_trained *trained, const struct lte_word_counts *words,
                                  size_t limit, uint64_t fewest);

#endif
