// SPDX-License-Identifier: BSD-2-Clause
// What a tokenizer is made of. lib/tokenizer/read*.c fill it; it is constant from then on.
#ifndef LTE_LIB_TOKENIZER_TOKENIZER_H
#define LTE_LIB_TOKENIZER_TOKENIZER_H

#include "lib/json.h"
#include "lib/tokenizer/added.h"
#include "lib/tokenizer/bpe.h"
#include "lib/tokenizer/decoder.h"
#include "lib/tokenizer/pretokenize.h"
#include "lte/tokenizer.h"

// Ids that the post-processor puts around a text.
struct lte_template {
    uint32_t *before, *after;
    size_t before_count, after_count;
};

struct lte_tokenizer {
    const struct lte_context *context;
    struct lte_pool pool;
    struct lte_regex_list regexes;
    struct lte_vocab vocab;
    struct lte_bpe bpe;
    struct lte_added_set added, added_normalized; // looked for before and after normalizing
    struct lte_normalizers normalizers;
    struct lte_stage stages[LTE_MAX_STAGES];
    size_t stage_count;
    bool raw_bytes; // the last stage spells bytes: left to the model's own table
    struct lte_template template_ids;
    struct lte_decoder decoder;
};

// Makes a tokenizer from a parsed tokenizer.json; `name` is for messages.
enum lte_status lte_tokenizer_read(const struct lte_context *context, const char *name,
                                   const json_t *root, struct lte_tokenizer **tokenizer);

#endif
