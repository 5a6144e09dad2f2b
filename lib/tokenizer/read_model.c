// SPDX-License-Identifier: BSD-2-Clause
// Reading "model" of tokenizer.json: vocabulary, merges and the options of BPE.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/tokenizer/read.h"
#include "lib/tokenizer/utf8.h"

static enum lte_status check_id(const struct lte_tokenizer *t, const char *where, const char *piece,
                                const json_t *id)
{
    if (json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= LTE_MAX_ID)
        return LTE_OK;
    return lte_fail(t->context, LTE_ERR_FORMAT, "%s: the id of \"%.100s\" is not in 0..%d", where,
                    piece, LTE_MAX_ID);
}

// One more than the highest id of the vocabulary and the added tokens together.
static enum lte_status find_size(const struct lte_tokenizer *t, const char *name,
                                 const json_t *vocab, const json_t *added, uint32_t *size)
{
    const struct lte_where where = lte_where_key(name, "model.vocab");
    json_int_t highest = -1;
    const char *piece;
    json_t *id;
    json_object_foreach((json_t *)(uintptr_t)vocab, piece, id) {
        LTE_TRY(check_id(t, where.text, piece, id));
        if (json_integer_value(id) > highest)
            highest = json_integer_value(id);
    }
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *token = json_array_get(added, i);
        id = json_object_get(token, "id");
        LTE_TRY(check_id(t, lte_where_index(name, "added_tokens", i).text,
                         json_string_value(json_object_get(token, "content"))
                             ? json_string_value(json_object_get(token, "content")) : "", id));
        if (json_integer_value(id) > highest)
            highest = json_integer_value(id);
    }
    *size = (uint32_t)(highest + 1);
    return LTE_OK;
}

static enum lte_status read_vocab(struct lte_tokenizer *t, const char *name, const json_t *vocab,
                                  const json_t *added)
{
    uint32_t size;
    LTE_TRY(find_size(t, name, vocab, added, &size));
    LTE_TRY(lte_vocab_make(&t->vocab, &t->pool, size,
                           json_object_size(vocab) + json_array_size(added)));
    const char *piece;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)vocab, piece, value) {
        const uint32_t id = (uint32_t)json_integer_value(value);
        const size_t length = strlen(piece);
        if (t->vocab.pieces[id].text)
            return lte_fail(t->context, LTE_ERR_FORMAT,
                            "%s.model.vocab: id %u belongs to \"%.100s\" and to \"%.100s\"", name,
                            id, (const char *)t->vocab.pieces[id].text, piece);
        const unsigned char *copy = lte_pool_copy(&t->pool, piece, length);
        if (!copy)
            return LTE_ERR_MEMORY;
        lte_vocab_add(&t->vocab, id, copy, length, LTE_PIECE_MODEL);
    }
    return LTE_OK;
}

// A merge is "left right" or ["left", "right"].
static bool split_merge(const json_t *merge, struct lte_span *left, struct lte_span *right)
{
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        const json_t *l = json_array_get(merge, 0), *r = json_array_get(merge, 1);
        if (!json_is_string(l) || !json_is_string(r))
            return false;
        *left = (struct lte_span){(const unsigned char *)json_string_value(l), json_string_length(l)};
        *right = (struct lte_span){(const unsigned char *)json_string_value(r), json_string_length(r)};
        return true;
    }
    if (!json_is_string(merge))
        return false;
    const char *text = json_string_value(merge);
    const size_t length = json_string_length(merge);
    const char *space = memchr(text, ' ', length);
    if (!space || memchr(space + 1, ' ', length - (size_t)(space + 1 - text)))
        return false;
    *left = (struct lte_span){(const unsigned char *)text, (size_t)(space - text)};
    *right = (struct lte_span){(const unsigned char *)space + 1,
                               length - (size_t)(space + 1 - text)};
    return true;
}

static enum lte_status find_piece(const struct lte_tokenizer *t, const char *where,
                                  struct lte_span piece, uint32_t *id)
{
    *id = lte_vocab_find_model(&t->vocab, piece.text, piece.length);
    if (*id != LTE_NO_ID)
        return LTE_OK;
    return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"%.*s\" is not in the vocabulary", where,
                    (int)(piece.length < 100 ? piece.length : 100), (const char *)piece.text);
}

static enum lte_status read_merge(struct lte_tokenizer *t, const char *where, const json_t *value,
                                  uint32_t rank, struct lte_buffer *whole)
{
    struct lte_span left, right;
    struct lte_merge m = {.rank = rank};
    if (!split_merge(value, &left, &right))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: not a pair of pieces", where);
    LTE_TRY(find_piece(t, where, left, &m.left));
    LTE_TRY(find_piece(t, where, right, &m.right));
    whole->length = 0;
    LTE_TRY(lte_buffer_append(whole, left.text, left.length));
    LTE_TRY(lte_buffer_append(whole, right.text, right.length));
    LTE_TRY(find_piece(t, where, (struct lte_span){whole->bytes, whole->length}, &m.result));
    lte_merges_add(&t->bpe.merges, m);
    return LTE_OK;
}

static enum lte_status read_merges(struct lte_tokenizer *t, const char *name, const json_t *merges)
{
    const size_t count = json_array_size(merges);
    LTE_TRY(lte_merges_make(&t->bpe.merges, &t->pool, count));
    struct lte_buffer whole = {.context = t->context};
    enum lte_status status = LTE_OK;
    uint32_t rank = 0;
    for (size_t i = 0; i < count && status == LTE_OK; i++) {
        const json_t *value = json_array_get(merges, i);
        const char *text = json_string_value(value);
        if (text && !strncmp(text, "#version", 8)) // the head of a merges.txt
            continue;
        status = read_merge(t, lte_where_index(name, "model.merges", i).text, value, rank++, &whole);
    }
    lte_buffer_free(&whole);
    return status;
}

static enum lte_status read_unknown(struct lte_tokenizer *t, const char *where, const json_t *model)
{
    const json_t *piece = json_object_get(model, "unk_token");
    t->bpe.unknown = LTE_NO_ID;
    if (!piece || json_is_null(piece))
        return LTE_OK;
    if (!json_is_string(piece))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"unk_token\" must be a string", where);
    const struct lte_where key = lte_where_key(where, "unk_token");
    const struct lte_span span = {(const unsigned char *)json_string_value(piece),
                                  json_string_length(piece)};
    return find_piece(t, key.text, span, &t->bpe.unknown);
}

// Options that would change the ids and that no known model of this family sets.
static enum lte_status refuse_options(const struct lte_tokenizer *t, const char *where,
                                      const json_t *model)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof affixes / sizeof affixes[0]; i++) {
        const json_t *v = json_object_get(model, affixes[i]);
        if (v && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v)))
            return lte_read_unsupported(t, where, affixes[i]);
    }
    const json_t *dropout = json_object_get(model, "dropout");
    if (dropout && !json_is_null(dropout) &&
        !(json_is_number(dropout) && !(json_number_value(dropout) > 0)))
        return lte_read_unsupported(t, where, "dropout");
    return LTE_OK;
}

static void find_characters(struct lte_tokenizer *t)
{
    struct lte_bpe *b = &t->bpe;
    b->bytes_complete = true;
    for (unsigned c = 0; c < 256; c++) {
        unsigned char spelled[4];
        char fallback[8];
        const size_t n = lte_utf8_put(spelled, lte_byte_to_point((unsigned char)c));
        b->byte_id[c] = lte_vocab_find_model(&t->vocab, spelled, n);
        b->bytes_complete &= b->byte_id[c] != LTE_NO_ID;
        snprintf(fallback, sizeof fallback, "<0x%02X>", c);
        b->fallback[c] = lte_vocab_find_model(&t->vocab, fallback, 6);
        const unsigned char ascii = (unsigned char)c;
        if (c < 128)
            b->ascii_id[c] = lte_vocab_find_model(&t->vocab, &ascii, 1);
    }
}

// Whether words can be cut in front of U+2581: it must be a piece, and follow no other character in
// any.
static bool can_cut_at_mark(const struct lte_vocab *v)
{
    if (lte_vocab_find_model(v, LTE_MARK, LTE_MARK_SIZE) == LTE_NO_ID)
        return false;
    for (uint32_t id = 0; id < v->size; id++) {
        const struct lte_piece *p = &v->pieces[id];
        if (p->flags & LTE_PIECE_MODEL && lte_mark_find(p->text, p->length, 0) != p->length)
            return false;
    }
    return true;
}

enum lte_status lte_read_model(struct lte_tokenizer *t, const char *name, const json_t *root)
{
    const json_t *model = json_object_get(root, "model");
    const struct lte_where where = lte_where_key(name, "model");
    if (!json_is_object(model))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"model\" must be an object", name);
    const json_t *type = json_object_get(model, "type"); // old files leave it out
    if (json_is_string(type) && strcmp(json_string_value(type), "BPE"))
        return lte_read_unsupported(t, where.text, json_string_value(type));
    LTE_TRY(refuse_options(t, where.text, model));
    const json_t *vocab = json_object_get(model, "vocab"), *merges;
    if (!json_is_object(vocab) || !json_object_size(vocab))
        return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"vocab\" must be an object, not empty",
                        where.text);
    LTE_TRY(lte_read_array(t, model, where.text, "merges", &merges));
    LTE_TRY(read_vocab(t, name, vocab, json_object_get(root, "added_tokens")));
    LTE_TRY(read_merges(t, name, merges));
    t->bpe.vocab = &t->vocab;
    LTE_TRY(read_unknown(t, where.text, model));
    LTE_TRY(lte_read_bool(t, model, where.text, "fuse_unk", false, &t->bpe.fuse_unknown));
    LTE_TRY(lte_read_bool(t, model, where.text, "byte_fallback", false, &t->bpe.byte_fallback));
    LTE_TRY(lte_read_bool(t, model, where.text, "ignore_merges", false, &t->bpe.ignore_merges));
    find_characters(t);
    t->bpe.cut_at_mark = can_cut_at_mark(&t->vocab);
    return LTE_OK;
}
