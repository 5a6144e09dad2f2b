// SPDX-License-Identifier: BSD-2-Clause
// Added tokens: strings that are found in the text before it is split into words.
#ifndef LTE_LIB_TOKENIZER_ADDED_H
#define LTE_LIB_TOKENIZER_ADDED_H

#include "lib/tokenizer/normalize.h"

struct lte_added_token {
    struct lte_span content; // what is looked for: normalized in the second set
    uint32_t id;
    bool single_word, left_strip, right_strip, special;
};

// A set in the order of its contents, which lte_added_sort() makes.
struct lte_added_set {
    struct lte_added_token *tokens;
    size_t count;
    bool begins[256]; // a token begins with this byte
};

enum { LTE_ADDED_LENGTH = 1024 }; // bytes of an added token at most: bounds the time per position

void lte_added_sort(struct lte_added_set *set);

// Cuts `text`: `plain` gets the stretches between tokens (never empty), `token` every token found.
struct lte_added_parts {
    enum lte_status (*plain)(void *opaque, struct lte_span text, bool at_start);
    void (*token)(void *opaque, uint32_t id);
    void *opaque;
};

// Leftmost longest matches. A special token found while `special` is off is passed over as text.
enum lte_status lte_added_split(const struct lte_added_set *set, struct lte_span text, bool at_start,
                                bool special, const struct lte_added_parts *parts);

#endif
