// SPDX-License-Identifier: BSD-2-Clause
// Pre-tokenizers: text to words, through a chain of stages that each edit or split what they get.
#ifndef LTE_LIB_TOKENIZER_PRETOKENIZE_H
#define LTE_LIB_TOKENIZER_PRETOKENIZE_H

#include "lib/tokenizer/normalize.h"

enum lte_split_behavior {
    LTE_SPLIT_ISOLATED, // a match is a word of its own
    LTE_SPLIT_REMOVED,
    LTE_SPLIT_MERGED_WITH_PREVIOUS,
    LTE_SPLIT_MERGED_WITH_NEXT,
    LTE_SPLIT_CONTIGUOUS // matches that touch are one word
};

enum lte_stage_kind {
    LTE_STAGE_SPLIT,
    LTE_STAGE_PREFIX,    // `content` in front unless the text begins with it
    LTE_STAGE_METASPACE, // spaces become `content`
    LTE_STAGE_BYTES      // every byte becomes its character of GPT-2's alphabet
};

struct lte_stage {
    enum lte_stage_kind kind;
    const struct lte_regex *regex; // split
    enum lte_split_behavior behavior;
    bool invert;                   // what matches and what does not change places
    bool only_first;               // prefix: only where the user's text begins
    struct lte_span content;       // prefix, metaspace
};

enum { LTE_MAX_STAGES = 16 };

// The chain. `words` is called for every word, in order.
struct lte_words {
    enum lte_status (*put)(void *opaque, struct lte_span word);
    void *opaque;
    struct lte_matcher *matcher;
    struct lte_buffer scratch[LTE_MAX_STAGES]; // one per stage that edits
};

// Runs `count` stages over `text`; `at_start` says whether it begins where the user's text does.
enum lte_status lte_pretokenize(const struct lte_stage *stages, size_t count,
                                struct lte_words *words, struct lte_span text, bool at_start);

#endif
