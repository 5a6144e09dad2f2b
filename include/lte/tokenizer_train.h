// SPDX-License-Identifier: BSD-2-Clause
// Making tokenizers: one token per byte, or byte-level BPE trained on text.
#ifndef LTE_TOKENIZER_TRAIN_H
#define LTE_TOKENIZER_TRAIN_H

#include "tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

// Writes the tokenizer.json `path` of a tokenizer without merges: the id of a byte is its value,
// and the special tokens follow from 256 on. The file appears complete or not at all.
// LTE_OK, LTE_ERR_ARGUMENT (a special token that is empty, longer than 1024 bytes, not UTF-8, or
// there twice, or that spells a piece), LTE_ERR_IO, LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_tokenizer_train_bytes(struct lte_context *context,
                                                  const char *const *special, size_t count,
                                                  const char *path);

// Fill with lte_tokenizer_train_init(), then change what you want to.
struct lte_tokenizer_train_options {
    uint32_t vocabulary;        // pieces in all: special tokens, 256 bytes, merges; default 4096
    const char *const *special; // special tokens, which get the ids from 0 on; default none
    size_t special_count;
    uint64_t fewest;            // times that a pair must occur to be merged; default 2
    int split_digits;           // nonzero: every digit is a piece of its own, as recall of numbers
                                // wants it; default 0
    uintptr_t reserved[8];      // zero
};
// Thread-safety: Safe.
LTE_API void lte_tokenizer_train_init(struct lte_tokenizer_train_options *options);

// Trains byte-level BPE on UTF-8 text and writes the tokenizer.json `path`, complete or not at
// all. Text is split into words as GPT-2 does; then, again and again, the most frequent pair of
// neighbours becomes a piece, of equally frequent ones the pair with the lowest ids. The result
// depends on the text and the options alone. `inputs` are files and folders, read as
// lte_data_tokenize() reads them; special tokens that are spelled out in the text are passed over.
// Ends before `vocabulary` pieces when no pair occurs `fewest` times. The number of pieces goes to
// *pieces unless it is NULL.
// LTE_OK, LTE_ERR_ARGUMENT (special tokens as above; a vocabulary below what they and the bytes
// take or above 4194304), LTE_ERR_IO, LTE_ERR_UTF8 (the log names file and offset), LTE_ERR_FORMAT
// (no text at all), LTE_ERR_MEMORY.
// Thread-safety: Safe.
LTE_API enum lte_status lte_tokenizer_train_bpe(struct lte_context *context,
                                                const char *const *inputs, size_t count,
                                                const struct lte_tokenizer_train_options *options,
                                                const char *path, uint32_t *pieces);

#ifdef __cplusplus
}
#endif
#endif
