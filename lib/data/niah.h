// SPDX-License-Identifier: BSD-2-Clause
// S-NIAH as text: the haystack, the needle in it, the question.
#ifndef LTE_LIB_DATA_NIAH_H
#define LTE_LIB_DATA_NIAH_H

#include "lib/file.h"
#include "lib/tokenizer/normalize.h"

struct lte_niah_words {
    const char *const *adjective, *const *noun;
    uint32_t adjectives, nouns;
};
extern const struct lte_niah_words lte_niah_words;

// What a sample hides and where: all that is drawn for it.
struct lte_needle {
    const char *adjective, *noun;
    char value[40];
    bool uuid;
    double depth;      // part of the haystack before it, 0..1
    uint64_t start;    // byte of the text at which the search for the haystack's first word begins
};
// Where the needle ended up.
struct lte_needle_place {
    size_t byte;
    double depth;
};

// The text of haystacks; bytes NULL: noise.
struct lte_haystack {
    const unsigned char *bytes;
    size_t length;
};

// Writes the prompt with a haystack of `units` words (noise: of repeated sentences), replacing
// what the buffer held. *place may be NULL.
enum lte_status lte_niah_write(struct lte_buffer *out, const struct lte_haystack *haystack,
                               const struct lte_needle *needle, uint64_t units,
                               struct lte_needle_place *place);

// Whether a text has a word at all.
bool lte_haystack_has_words(const struct lte_haystack *haystack);

#endif
