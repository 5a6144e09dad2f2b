// SPDX-License-Identifier: BSD-2-Clause
// What a trained tokenizer consists of, and its tokenizer.json.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/tokenizer/train.h"
#include "lib/tokenizer/utf8.h"

static enum lte_status refuse(const struct lte_trained *t, size_t index, const char *why)
{
    return lte_fail(t->pool.context, LTE_ERR_ARGUMENT, "special token %zu, \"%.100s\", %s", index,
                    t->special[index] ? t->special[index] : "", why);
}

static enum lte_status check_special(const struct lte_trained *t, size_t index)
{
    const char *text = t->special[index];
    if (!text || !*text)
        return refuse(t, index, "is empty");
    const size_t length = strlen(text);
    if (length > LTE_ADDED_LENGTH)
        return refuse(t, index, "is longer than 1024 bytes");
    if (lte_utf8_valid((const unsigned char *)text, length) != length)
        return refuse(t, index, "is not UTF-8");
    for (size_t i = 0; i < index; i++)
        if (!strcmp(text, t->special[i]))
            return refuse(t, index, "is there twice");
    return LTE_OK;
}

enum lte_status lte_trained_add(struct lte_trained *t, struct lte_span piece)
{
    const struct lte_span copy = {lte_pool_copy(&t->pool, piece.text, piece.length), piece.length};
    return copy.text ? lte_buffer_append(&t->pieces, &copy, sizeof copy) : LTE_ERR_MEMORY;
}

static enum lte_status add_byte(struct lte_trained *t, unsigned char byte)
{
    return lte_trained_add(t, (struct lte_span){&byte, 1});
}

static enum lte_status add_bytes(struct lte_trained *t)
{
    if (!t->special_first) {
        for (unsigned b = 0; b < 256; b++)
            LTE_TRY(add_byte(t, (unsigned char)b));
        return LTE_OK;
    }
    for (uint32_t point = 0; point < 512; point++)
        if (lte_point_to_byte(point) >= 0)
            LTE_TRY(add_byte(t, (unsigned char)lte_point_to_byte(point)));
    return LTE_OK;
}

enum lte_status lte_trained_begin(const struct lte_context *context, const char *const *special,
                                  size_t special_count, bool special_first,
                                  struct lte_trained *t)
{
    *t = (struct lte_trained){.special = special, .special_count = special_count,
                              .special_first = special_first, .pool = {.context = context},
                              .pieces = {.context = context}, .merges = {.context = context}};
    if (special_count && !special)
        return LTE_ERR_ARGUMENT;
    for (size_t i = 0; i < special_count; i++)
        LTE_TRY(check_special(t, i));
    LTE_TRY(add_bytes(t));
    for (size_t i = 0; i < 256; i++)
        for (size_t j = 0; j < special_count; j++) {
            unsigned char spelled[5] = "";
            lte_utf8_put(spelled, lte_byte_to_point((unsigned char)i));
            if (!strcmp((const char *)spelled, special[j]))
                return refuse(t, j, "is how a byte is spelled");
        }
    return LTE_OK;
}

bool lte_trained_clashes(const struct lte_trained *t, struct lte_span piece)
{
    for (size_t i = 0; i < t->special_count; i++) {
        const unsigned char *p = (const unsigned char *)t->special[i];
        size_t n = 0;
        for (size_t size; *p && n < piece.length; p += size, n++)
            if (lte_point_to_byte(lte_utf8_get(p, &size)) != piece.text[n])
                break;
        if (!*p && n == piece.length)
            return true;
    }
    return false;
}

void lte_trained_free(struct lte_trained *t)
{
    lte_buffer_free(&t->pieces);
    lte_buffer_free(&t->merges);
    lte_pool_free(&t->pool);
}

// The characters of a JSON string.
static enum lte_status put_escaped(struct lte_buffer *json, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char escaped[8];
        const unsigned char c = (unsigned char)text[i];
        if (c >= ' ' && c != '"' && c != '\\') {
            LTE_TRY(lte_buffer_append(json, &c, 1));
            continue;
        }
        snprintf(escaped, sizeof escaped, c < ' ' ? "\\u%04x" : "\\%c", c);
        LTE_TRY(lte_buffer_text(json, escaped));
    }
    return LTE_OK;
}

static enum lte_status put_spelled(struct lte_buffer *json, struct lte_span piece,
                                   struct lte_buffer *scratch)
{
    scratch->length = 0;
    LTE_TRY(lte_bytes_spell(scratch, piece.text, piece.length));
    return put_escaped(json, (const char *)scratch->bytes, scratch->length);
}

static enum lte_status put_id(struct lte_buffer *json, const char *before, size_t id,
                              const char *after)
{
    char text[64];
    snprintf(text, sizeof text, "%s%zu%s", before, id, after);
    return lte_buffer_text(json, text);
}

static size_t special_id(const struct lte_trained *t, size_t index)
{
    return t->special_first ? index : lte_trained_pieces(t) + index;
}

static enum lte_status put_added(const struct lte_trained *t, struct lte_buffer *json)
{
    for (size_t i = 0; i < t->special_count; i++) {
        LTE_TRY(put_id(json, i ? ",\n    {\"id\": " : "\n    {\"id\": ", special_id(t, i),
                       ", \"content\": \""));
        LTE_TRY(put_escaped(json, t->special[i], strlen(t->special[i])));
        LTE_TRY(lte_buffer_text(json, "\", \"single_word\": false, \"lstrip\": false, "
                                      "\"rstrip\": false, \"normalized\": false, "
                                      "\"special\": true}"));
    }
    return LTE_OK;
}

static enum lte_status put_special(const struct lte_trained *t, struct lte_buffer *json)
{
    for (size_t i = 0; i < t->special_count; i++) {
        LTE_TRY(lte_buffer_text(json, i || !t->special_first ? ",\n      \"" : "\n      \""));
        LTE_TRY(put_escaped(json, t->special[i], strlen(t->special[i])));
        LTE_TRY(put_id(json, "\": ", special_id(t, i), ""));
    }
    return LTE_OK;
}

static enum lte_status put_vocabulary(const struct lte_trained *t, struct lte_buffer *json,
                                      struct lte_buffer *scratch)
{
    const size_t first = t->special_first ? t->special_count : 0;
    if (t->special_first)
        LTE_TRY(put_special(t, json));
    for (size_t i = 0; i < lte_trained_pieces(t); i++) {
        LTE_TRY(lte_buffer_text(json, i || first ? ",\n      \"" : "\n      \""));
        LTE_TRY(put_spelled(json, *lte_trained_piece(t, i), scratch));
        LTE_TRY(put_id(json, "\": ", first + i, ""));
    }
    return t->special_first ? LTE_OK : put_special(t, json);
}

// Spelled pieces hold no space, so "left right" is unambiguous.
static enum lte_status put_merges(const struct lte_trained *t, struct lte_buffer *json,
                                  struct lte_buffer *scratch)
{
    for (size_t at = 0; at < t->merges.length; at += sizeof(struct lte_pair_name)) {
        struct lte_pair_name m;
        memcpy(&m, t->merges.bytes + at, sizeof m);
        LTE_TRY(lte_buffer_text(json, at ? ",\n      \"" : "\n      \""));
        LTE_TRY(put_spelled(json, *lte_trained_piece(t, m.left), scratch));
        LTE_TRY(lte_buffer_text(json, " "));
        LTE_TRY(put_spelled(json, *lte_trained_piece(t, m.right), scratch));
        LTE_TRY(lte_buffer_text(json, "\""));
    }
    return LTE_OK;
}

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, " \
                   "\"trim_offsets\": true, \"use_regex\": true}"
#define DIGITS "{\"type\": \"Sequence\", \"pretokenizers\": [\n" \
               "    {\"type\": \"Digits\", \"individual_digits\": true},\n    " BYTE_LEVEL "]}"

static enum lte_status put_all(const struct lte_trained *t, struct lte_buffer *json,
                               struct lte_buffer *scratch)
{
    LTE_TRY(lte_buffer_text(json, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n"
                                  "  \"padding\": null,\n  \"added_tokens\": ["));
    LTE_TRY(put_added(t, json));
    LTE_TRY(lte_buffer_text(json, "],\n  \"normalizer\": null,\n  \"pre_tokenizer\": "));
    LTE_TRY(lte_buffer_text(json, t->split_digits ? DIGITS : BYTE_LEVEL));
    LTE_TRY(lte_buffer_text(json, ",\n  \"post_processor\": null,\n  \"decoder\": " BYTE_LEVEL
                                  ",\n  \"model\": {\n    \"type\": \"BPE\",\n"
                                  "    \"dropout\": null,\n    \"unk_token\": null,\n"
                                  "    \"continuing_subword_prefix\": null,\n"
                                  "    \"end_of_word_suffix\": null,\n"
                                  "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n"
                                  "    \"ignore_merges\": false,\n    \"vocab\": {"));
    LTE_TRY(put_vocabulary(t, json, scratch));
    LTE_TRY(lte_buffer_text(json, "\n    },\n    \"merges\": ["));
    LTE_TRY(put_merges(t, json, scratch));
    return lte_buffer_text(json, "]\n  }\n}\n");
}

enum lte_status lte_trained_write(const struct lte_trained *trained, struct lte_buffer *json)
{
    struct lte_buffer scratch = {.context = trained->pool.context};
    const enum lte_status status = put_all(trained, json, &scratch);
    lte_buffer_free(&scratch);
    return status;
}
