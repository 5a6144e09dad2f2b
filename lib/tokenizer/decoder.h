// SPDX-License-Identifier: BSD-2-Clause
// Decoders: what each piece adds to the output, worked out once at load so that decoding is
// copying.
#ifndef LTE_LIB_TOKENIZER_DECODER_H
#define LTE_LIB_TOKENIZER_DECODER_H

#include "lib/tokenizer/normalize.h"
#include "lib/tokenizer/vocab.h"

enum lte_decode_step_kind {
    LTE_DECODE_REPLACE,      // every `from` by `to`, in each piece
    LTE_DECODE_STRIP,        // at most `left` and `right` times `from`, off each piece
    LTE_DECODE_BYTE_FALLBACK // "<0xHH>" is that byte
};

struct lte_decode_step {
    enum lte_decode_step_kind kind;
    struct lte_span from, to;
    size_t left, right;
};

enum { LTE_MAX_DECODE_STEPS = 16 };

struct lte_decoder {
    struct lte_decode_step steps[LTE_MAX_DECODE_STEPS]; // on each piece, in order
    size_t count;
    bool bytes;             // pieces are in GPT-2's alphabet
    bool joined_by_space;   // no decoder: a space between pieces
    struct lte_span first;  // dropped wherever it is in the first piece (Metaspace); length 0: nothing
    struct lte_span strip;  // a character dropped at the beginning of the text ...
    unsigned strip_count;   // ... this many times at most
    size_t longest;         // bytes of the longest decoded piece
};

// Fills in `decoded` of every piece.
enum lte_status lte_decoder_prepare(struct lte_decoder *decoder, struct lte_vocab *vocab,
                                    struct lte_pool *pool);

#endif
