// SPDX-License-Identifier: BSD-2-Clause
// Text from the command line, a file or standard input, and its tokens.
#ifndef LTE_TOOLS_TEXT_H
#define LTE_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lte.h>

struct text {
    char *bytes; // owned
    size_t length;
    const char *name; // for messages
};

// From `words` (-p) or the file `path` (-f; "-" is standard input); empty if both are NULL. Both at
// once, a file that cannot be read and a NUL byte are reported. Returns an exit status.
int text_read(struct text *text, const char *words, const char *path);
void text_free(struct text *text);

struct tokens {
    uint32_t *ids; // owned
    size_t count;
};

// The tokens of a text, with what the tokenizer's template adds; `special`: special tokens spelled
// out in it are recognised. Returns an exit status.
int text_encode(const struct text *text, const struct lte_tokenizer *tokenizer, bool special,
                struct tokens *tokens);
void tokens_free(struct tokens *tokens);

#endif
