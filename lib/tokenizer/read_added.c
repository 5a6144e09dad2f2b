// SPDX-License-Identifier: BSD-2-Clause
// Reading "added_tokens" of tokenizer.json.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/read.h"

// Enters the token into the vocabulary, where the model may have it already.
static enum lte_status enter(struct lte_tokenizer *t, const char *where, struct lte_added_token *token)
{
    const struct lte_span s = token->content;
    struct lte_vocab *v = &t->vocab;
    const uint32_t known = lte_vocab_find(v, s.text, s.length);
    if (known != LTE_NO_ID && known != token->id)
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"%.100s\" has id %u here and %u before",
                        where, (const char *)s.text, token->id, known);
    if (known == LTE_NO_ID && v->pieces[token->id].text)
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: id %u belongs to \"%.100s\" and to \"%.100s\"",
                        where, token->id, (const char *)v->pieces[token->id].text,
                        (const char *)s.text);
    if (known == LTE_NO_ID)
        lte_vocab_add(v, token->id, s.text, s.length, 0);
    struct lte_piece *p = &v->pieces[token->id];
    if (p->flags & LTE_PIECE_ADDED)
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"%.100s\" is added twice", where,
                        (const char *)s.text);
    p->flags |= LTE_PIECE_ADDED | (token->special ? LTE_PIECE_SPECIAL : 0u);
    return LTE_OK;
}

static enum lte_status read_token(struct lte_tokenizer *t, const char *where, const json_t *value,
                                  struct lte_added_token *token, bool *normalized)
{
    token->id = (uint32_t)json_integer_value(json_object_get(value, "id"));
    LTE_TRY(lte_read_text(t, value, where, "content", false, &token->content));
    if (token->content.length > LTE_ADDED_LENGTH)
        return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: \"content\" is longer than %d bytes",
                        where, LTE_ADDED_LENGTH);
    LTE_TRY(lte_read_bool(t, value, where, "special", false, &token->special));
    LTE_TRY(lte_read_bool(t, value, where, "single_word", false, &token->single_word));
    LTE_TRY(lte_read_bool(t, value, where, "lstrip", false, &token->left_strip));
    LTE_TRY(lte_read_bool(t, value, where, "rstrip", false, &token->right_strip));
    LTE_TRY(lte_read_bool(t, value, where, "normalized", !token->special, normalized));
    return enter(t, where, token);
}

// What a token of the second set looks like once the text around it has been normalized.
static enum lte_status normalize(struct lte_tokenizer *t, struct lte_added_token *token)
{
    const struct lte_buffer empty = {.context = t->context};
    struct lte_normalizer_scratch scratch = {{empty, empty}, empty};
    struct lte_matcher matcher;
    LTE_TRY(lte_matcher_open(&matcher, t->context, token->content.length));
    struct lte_span s = token->content;
    enum lte_status status = lte_normalize(&t->normalizers, &scratch, &matcher, &s);
    if (status == LTE_OK && (s.text != token->content.text || s.length != token->content.length)) {
        token->content.text = lte_pool_copy(&t->pool, s.text, s.length);
        token->content.length = s.length;
        status = token->content.text ? LTE_OK : LTE_ERR_MEMORY;
        // It is decoded in this form too, so that the decoder can undo the normalizer.
        t->vocab.pieces[token->id].decoded = token->content.text;
        t->vocab.pieces[token->id].decoded_length = (uint32_t)s.length;
    }
    lte_normalizer_scratch_free(&scratch);
    lte_matcher_close(&matcher);
    return status;
}

enum lte_status lte_read_added(struct lte_tokenizer *t, const char *where, const json_t *array)
{
    if (!array || json_is_null(array))
        return LTE_OK;
    if (!json_is_array(array))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"added_tokens\" must be an array", where);
    const size_t count = json_array_size(array);
    t->added.tokens = lte_pool_alloc(&t->pool, count, sizeof *t->added.tokens);
    t->added_normalized.tokens = lte_pool_alloc(&t->pool, count, sizeof *t->added.tokens);
    if (!t->added.tokens || !t->added_normalized.tokens)
        return LTE_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct lte_added_token token = {.id = 0};
        bool normalized;
        LTE_TRY(read_token(t, lte_where_index(where, "added_tokens", i).text,
                           json_array_get(array, i), &token, &normalized));
        if (normalized)
            LTE_TRY(normalize(t, &token));
        struct lte_added_set *set = normalized ? &t->added_normalized : &t->added;
        if (token.content.length)
            set->tokens[set->count++] = token;
    }
    lte_added_sort(&t->added);
    lte_added_sort(&t->added_normalized);
    return LTE_OK;
}
