// SPDX-License-Identifier: BSD-2-Clause
// A source of training data from its description in a configuration.
#ifndef LTE_TOOLS_TRAIN_SOURCE_H
#define LTE_TOOLS_TRAIN_SOURCE_H

#include <lte.h>

#include "tools/train/reader.h"

struct source_setting {
    struct lte_context *context;
    const struct lte_tokenizer *tokenizer; // NULL: none
    uint64_t seed;
    uint32_t rows, micro_batches;
    uint32_t *longest; // becomes the length of the longest sequence, if more; NULL: not asked for
};

// Makes the source that `value` describes; NULL after a message.
struct lte_data *source_make(const struct source_setting *setting, struct reader_file *file,
                             const json_t *value, const char *name);

#endif
