// SPDX-License-Identifier: BSD-2-Clause
// Reading token files.
#include "config.h"

#include "lib/data/tokens.h"

#include <string.h>

static uint32_t get32(const unsigned char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t get64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static enum lte_status read_header(const struct lte_context *c, const char *path,
                                   struct lte_tokens *t)
{
    const unsigned char *p = t->file.bytes;
    if (t->file.size < LTE_TOKENS_HEADER)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: %zu bytes: too short for a token file", path,
                        t->file.size);
    if (memcmp(p, LTE_TOKENS_MAGIC, 8))
        return lte_fail(c, LTE_ERR_FORMAT, "%s: not a token file", path);
    if (get32(p + 8) != LTE_TOKENS_VERSION)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: version %u of the format, this library reads %d",
                        path, get32(p + 8), LTE_TOKENS_VERSION);
    t->width = get32(p + 12);
    t->info = (struct lte_tokens_info){.tokens = get64(p + 16), .documents = get64(p + 24),
                                       .vocabulary = get32(p + 32), .end = get32(p + 36)};
    if (t->width != 2 && t->width != 4)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: tokens of %u bytes", path, t->width);
    if (!t->info.vocabulary || t->info.vocabulary > LTE_IGNORE / 2)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: a vocabulary of %u", path, t->info.vocabulary);
    if (t->info.end != LTE_IGNORE && t->info.end >= t->info.vocabulary)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: the end of documents is token %u of %u", path,
                        t->info.end, t->info.vocabulary);
    return LTE_OK;
}

// Every document has a token, so the counts bound each other and nothing overflows.
static enum lte_status check_size(const struct lte_context *c, const char *path,
                                  const struct lte_tokens *t)
{
    const unsigned long long tokens = t->info.tokens, documents = t->info.documents;
    const uint64_t room = t->file.size - LTE_TOKENS_HEADER;
    if (!documents || documents > tokens || tokens > room / t->width ||
        lte_tokens_padded(tokens, t->width) > room ||
        (room - lte_tokens_padded(tokens, t->width)) / 8 != documents || room % 8)
        return lte_fail(c, LTE_ERR_FORMAT,
                        "%s: %llu tokens in %llu documents do not fill %zu bytes",
                        path, tokens, documents, t->file.size);
    return LTE_OK;
}

static enum lte_status check_ends(const struct lte_context *c, const char *path,
                                  const struct lte_tokens *t)
{
    uint64_t before = 0;
    for (uint64_t i = 0; i < t->info.documents; i++) {
        const uint64_t end = lte_tokens_document_end(t, i);
        if (end <= before || end > t->info.tokens)
            return lte_fail(c, LTE_ERR_FORMAT,
                            "%s: document %llu ends at token %llu, after %llu of %llu",
                            path, (unsigned long long)i, (unsigned long long)end,
                            (unsigned long long)before, (unsigned long long)t->info.tokens);
        before = end;
    }
    if (before != t->info.tokens)
        return lte_fail(c, LTE_ERR_FORMAT, "%s: the last document ends at token %llu of %llu", path,
                        (unsigned long long)before, (unsigned long long)t->info.tokens);
    return LTE_OK;
}

enum lte_status lte_tokens_check(const struct lte_context *c, const char *path, struct lte_tokens *t)
{
    LTE_TRY(read_header(c, path, t));
    LTE_TRY(check_size(c, path, t));
    t->ends = t->file.bytes + LTE_TOKENS_HEADER + lte_tokens_padded(t->info.tokens, t->width);
    return check_ends(c, path, t);
}

enum lte_status lte_tokens_open(const struct lte_context *context, const char *path,
                                struct lte_tokens *tokens)
{
    *tokens = (struct lte_tokens){0};
    enum lte_status status = lte_file_map(context, path, SIZE_MAX, &tokens->file);
    if (status == LTE_OK)
        status = lte_tokens_check(context, path, tokens);
    if (status != LTE_OK)
        lte_tokens_close(tokens);
    return status;
}

void lte_tokens_close(struct lte_tokens *tokens)
{
    lte_file_unmap(&tokens->file);
    *tokens = (struct lte_tokens){0};
}

uint32_t lte_tokens_get(const struct lte_tokens *tokens, uint64_t index)
{
    const unsigned char *p = tokens->file.bytes + LTE_TOKENS_HEADER + index * tokens->width;
    uint16_t narrow;
    if (tokens->width == 4)
        return get32(p);
    memcpy(&narrow, p, sizeof narrow);
    return narrow;
}

uint64_t lte_tokens_document_end(const struct lte_tokens *tokens, uint64_t document)
{
    return get64(tokens->ends + document * 8);
}

uint64_t lte_tokens_document_of(const struct lte_tokens *tokens, uint64_t index)
{
    uint64_t low = 0, high = tokens->info.documents - 1;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (lte_tokens_document_end(tokens, middle) > index)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum lte_status lte_data_tokens(struct lte_context *context, const char *path,
                                struct lte_tokens_info *info)
{
    struct lte_tokens tokens;
    if (!context || !path || !info)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(lte_tokens_open(context, path, &tokens));
    *info = tokens.info;
    lte_tokens_close(&tokens);
    return LTE_OK;
}
