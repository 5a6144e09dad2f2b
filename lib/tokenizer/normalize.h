// SPDX-License-Identifier: BSD-2-Clause
// Normalizers: what is done to the text before it is split.
#ifndef LTE_LIB_TOKENIZER_NORMALIZE_H
#define LTE_LIB_TOKENIZER_NORMALIZE_H

#include "lib/tokenizer/regex.h"

struct lte_span {
    const unsigned char *text;
    size_t length;
};

enum lte_normalizer_kind {
    LTE_NORMALIZE_FORM,      // a Unicode normalization form
    LTE_NORMALIZE_PREPEND,   // `content`, unless the text is empty
    LTE_NORMALIZE_REPLACE,   // every match of `regex` by `content`
    LTE_NORMALIZE_LOWERCASE,
    LTE_NORMALIZE_STRIP      // white space at the ends
};

struct lte_normalizer {
    enum lte_normalizer_kind kind;
    bool compose, compatible; // form: NFC is (1, 0), NFKD (0, 1)
    bool left, right;         // strip
    const struct lte_regex *regex;
    struct lte_span content;
};

// The chain of normalizers.
struct lte_normalizers {
    struct lte_normalizer *steps;
    size_t count;
};

// The steps write into two buffers in turn; `points` holds decomposed text.
struct lte_normalizer_scratch {
    struct lte_buffer buffers[2], points;
};
void lte_normalizer_scratch_free(struct lte_normalizer_scratch *scratch);

// Normalizes *span, which may point into a scratch buffer afterwards.
enum lte_status lte_normalize(const struct lte_normalizers *normalizers,
                              struct lte_normalizer_scratch *scratch, struct lte_matcher *matcher,
                              struct lte_span *span);

// Appends `in`, in the normalization form that `step` says, to `out`.
enum lte_status lte_normalize_form(const struct lte_normalizer *step, struct lte_buffer *points,
                                   struct lte_span in, struct lte_buffer *out);

#endif
