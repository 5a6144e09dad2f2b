// SPDX-License-Identifier: BSD-2-Clause
// The BPE model: one word to ids.
#ifndef LTE_LIB_TOKENIZER_BPE_H
#define LTE_LIB_TOKENIZER_BPE_H

#include "lib/tokenizer/merges.h"
#include "lib/tokenizer/vocab.h"

struct lte_bpe {
    const struct lte_vocab *vocab;
    struct lte_merges merges;
    uint32_t byte_id[256];   // of the one-character piece that stands for a byte (GPT-2's alphabet)
    uint32_t ascii_id[128];  // of the piece that is this ASCII character
    uint32_t fallback[256];  // of "<0xHH>"
    uint32_t unknown;        // LTE_NO_ID: none, unknown characters vanish
    bool fuse_unknown, byte_fallback, ignore_merges;
    bool bytes_complete;     // every byte_id exists
    bool cut_at_mark;        // no piece goes on from another character to U+2581
};

// Where ids go.
struct lte_id_sink {
    uint32_t *ids;
    size_t capacity, count; // count goes on past the capacity
};

static inline void lte_id_put(struct lte_id_sink *sink, uint32_t id)
{
    if (sink->count < sink->capacity)
        sink->ids[sink->count] = id;
    sink->count++;
}

// Scratch of lte_bpe_encode(); grows to the longest word and is kept.
struct lte_bpe_scratch {
    const struct lte_context *context;
    struct lte_buffer symbols, heap, spelled;
};
void lte_bpe_scratch_free(struct lte_bpe_scratch *scratch);

enum lte_bpe_flags {
    LTE_BPE_BYTES = 1,  // the word is text as the user wrote it, for a byte-level vocabulary
    LTE_BPE_SPECIAL = 2 // a word that is spelled like a special token may become it
};

// U+2581, which SentencePiece writes for a space.
#define LTE_MARK "\xe2\x96\x81"
enum { LTE_MARK_SIZE = 3 };

// The next position in text[from..length) where the mark follows something else; `length` if none.
size_t lte_mark_find(const unsigned char *text, size_t length, size_t from);

// Encodes one word of valid UTF-8, in the vocabulary's spelling unless LTE_BPE_BYTES is given.
enum lte_status lte_bpe_encode(const struct lte_bpe *bpe, struct lte_bpe_scratch *scratch,
                               const unsigned char *word, size_t length, unsigned flags,
                               struct lte_id_sink *sink);

// GPT-2's alphabet: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up.
uint32_t lte_byte_to_point(unsigned char byte);
int lte_point_to_byte(uint32_t point); // -1: not in the alphabet
enum lte_status lte_bytes_spell(struct lte_buffer *out, const unsigned char *bytes, size_t length);

#endif
