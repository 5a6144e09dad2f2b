// SPDX-License-Identifier: BSD-2-Clause
// The tokenizer's plain calls: load, free, look up.
#include "config.h"

#include "lib/tokenizer/tokenizer.h"

#include <string.h>

enum { MAX_FILE = 1 << 28 }; // ten times the largest tokenizer.json known

enum lte_status lte_tokenizer_load(struct lte_context *context, const char *path,
                                   struct lte_tokenizer **tokenizer)
{
    if (tokenizer)
        *tokenizer = NULL;
    if (!context || !path || !tokenizer)
        return LTE_ERR_ARGUMENT;
    json_t *root;
    LTE_TRY(lte_json_load(context, path, MAX_FILE, &root));
    const enum lte_status status = lte_tokenizer_read(context, path, root, tokenizer);
    json_decref(root);
    return status;
}

void lte_tokenizer_free(struct lte_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    lte_regex_free(&tokenizer->regexes);
    lte_pool_free(&tokenizer->pool);
    lte_release(tokenizer->context, tokenizer, sizeof *tokenizer);
}

uint32_t lte_tokenizer_size(const struct lte_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->vocab.size : 0;
}

enum lte_status lte_tokenizer_find(const struct lte_tokenizer *tokenizer, const char *piece,
                                   uint32_t *id)
{
    if (!tokenizer || !piece || !id)
        return LTE_ERR_ARGUMENT;
    const uint32_t found = lte_vocab_find(&tokenizer->vocab, piece, strlen(piece));
    if (found == LTE_NO_ID)
        return LTE_ERR_ARGUMENT;
    *id = found;
    return LTE_OK;
}

int lte_tokenizer_is_special(const struct lte_tokenizer *tokenizer, uint32_t id)
{
    return tokenizer && lte_vocab_has(&tokenizer->vocab, id) &&
           tokenizer->vocab.pieces[id].flags & LTE_PIECE_SPECIAL;
}
