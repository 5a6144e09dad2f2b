// SPDX-License-Identifier: BSD-2-Clause
// Token files: text encoded once, mapped ever after. Little-endian throughout:
//
//     0  "lteTOKEN"
//     8  uint32  version, 1
//    12  uint32  width of a token in bytes, 2 or 4
//    16  uint64  tokens
//    24  uint64  documents
//    32  uint32  vocabulary: every token is below it
//    36  uint32  token after every document, 0xffffffff if there is none
//    40  zeros
//    64  the tokens, then zeros to a multiple of 8
//        uint64  for each document the number of tokens up to its end, rising, the last all tokens
#ifndef LTE_LIB_DATA_TOKENS_H
#define LTE_LIB_DATA_TOKENS_H

#include "lib/file.h"
#include "lte/data.h"

#define LTE_TOKENS_MAGIC "lteTOKEN"
enum { LTE_TOKENS_VERSION = 1, LTE_TOKENS_HEADER = 64 };

struct lte_tokens {
    struct lte_file file;
    struct lte_tokens_info info;
    unsigned width;
    const unsigned char *ends;
};

// Maps a token file and checks all of it but the tokens. On failure *tokens is all zero.
// LTE_OK, LTE_ERR_IO, LTE_ERR_FORMAT, LTE_ERR_MEMORY.
enum lte_status lte_tokens_open(const struct lte_context *context, const char *path,
                                struct lte_tokens *tokens);
// The same of bytes that tokens->file has already; `name` is for the log. Nothing is unmapped.
// LTE_OK, LTE_ERR_FORMAT.
enum lte_status lte_tokens_check(const struct lte_context *context, const char *name,
                                 struct lte_tokens *tokens);
void lte_tokens_close(struct lte_tokens *tokens); // a zeroed one is allowed

uint32_t lte_tokens_get(const struct lte_tokens *tokens, uint64_t index);
uint64_t lte_tokens_document_end(const struct lte_tokens *tokens, uint64_t document);
// The document that holds token `index`.
uint64_t lte_tokens_document_of(const struct lte_tokens *tokens, uint64_t index);

// Bytes of the tokens with what fills them up.
static inline uint64_t lte_tokens_padded(uint64_t tokens, unsigned width)
{
    return (tokens * width + 7) / 8 * 8;
}

#endif
