// SPDX-License-Identifier: BSD-2-Clause
// Reading tokenizer.json: the order of the parts, and typed access to JSON.
#include "config.h"

#include "lib/tokenizer/read.h"

#include <stdio.h>
#include <string.h>

struct lte_where lte_where_key(const char *where, const char *key)
{
    struct lte_where w;
    snprintf(w.text, sizeof w.text, "%s.%s", where, key);
    return w;
}

struct lte_where lte_where_index(const char *where, const char *key, size_t index)
{
    struct lte_where w;
    snprintf(w.text, sizeof w.text, "%s.%s[%zu]", where, key, index);
    return w;
}

static enum lte_status wrong_type(const struct lte_tokenizer *t, const char *where, const char *key,
                                  const char *expected)
{
    return lte_fail(t->context, LTE_ERR_FORMAT, "%s: \"%s\" must be %s", where, key, expected);
}

enum lte_status lte_read_bool(const struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char *key, bool fallback, bool *value)
{
    const json_t *v = json_object_get(object, key);
    *value = fallback;
    if (!v || json_is_null(v))
        return LTE_OK;
    if (!json_is_boolean(v))
        return wrong_type(t, where, key, "true or false");
    *value = json_is_true(v);
    return LTE_OK;
}

enum lte_status lte_read_copy(struct lte_tokenizer *t, const json_t *string, struct lte_span *value)
{
    value->length = json_string_length(string);
    value->text = lte_pool_copy(&t->pool, json_string_value(string), value->length);
    return value->text ? LTE_OK : LTE_ERR_MEMORY;
}

enum lte_status lte_read_text(struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char *key, bool may_be_empty, struct lte_span *value)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v) || (!may_be_empty && !json_string_length(v)))
        return wrong_type(t, where, key, may_be_empty ? "a string" : "a string, not empty");
    return lte_read_copy(t, v, value);
}

enum lte_status lte_read_count(const struct lte_tokenizer *t, const json_t *object,
                               const char *where, const char *key, size_t *value)
{
    enum { MOST = 1 << 20 };
    const json_t *v = json_object_get(object, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > MOST)
        return wrong_type(t, where, key, "a small whole number");
    *value = (size_t)json_integer_value(v);
    return LTE_OK;
}

enum lte_status lte_read_array(const struct lte_tokenizer *t, const json_t *object,
                               const char *where, const char *key, const json_t **value)
{
    *value = json_object_get(object, key);
    return json_is_array(*value) ? LTE_OK : wrong_type(t, where, key, "an array");
}

enum lte_status lte_read_type(const struct lte_tokenizer *t, const json_t *object, const char *where,
                              const char **type)
{
    const json_t *v = json_object_get(object, "type");
    if (!json_is_string(v))
        return wrong_type(t, where, "type", "a string");
    *type = json_string_value(v);
    return LTE_OK;
}

enum lte_status lte_read_pattern(struct lte_tokenizer *t, const json_t *object, const char *where,
                                 const struct lte_regex **regex)
{
    const json_t *pattern = json_object_get(object, "pattern");
    const json_t *literal = json_object_get(pattern, "String");
    const json_t *text = literal ? literal : json_object_get(pattern, "Regex");
    if (!json_is_string(text) || !json_string_length(text))
        return wrong_type(t, where, "pattern", "{\"String\": ...} or {\"Regex\": ...}, not empty");
    return lte_regex_compile(&t->pool, &t->regexes, where,
                             literal ? LTE_PATTERN_LITERAL : LTE_PATTERN_ONIGURUMA,
                             json_string_value(text), json_string_length(text), regex);
}

enum lte_status lte_read_unsupported(const struct lte_tokenizer *t, const char *where,
                                     const char *type)
{
    return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: \"%s\" is not supported", where, type);
}

static enum lte_status check_version(const struct lte_tokenizer *t, const char *name,
                                     const json_t *root)
{
    const json_t *version = json_object_get(root, "version");
    if (!version || json_is_null(version))
        return LTE_OK;
    if (json_is_string(version) && !strcmp(json_string_value(version), "1.0"))
        return LTE_OK;
    return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: \"version\" is not \"1.0\"", name);
}

static enum lte_status read_all(struct lte_tokenizer *t, const char *name, const json_t *root)
{
    LTE_TRY(check_version(t, name, root));
    LTE_TRY(lte_read_model(t, name, root));
    LTE_TRY(lte_read_normalizer(t, lte_where_key(name, "normalizer").text,
                                json_object_get(root, "normalizer")));
    LTE_TRY(lte_read_added(t, name, json_object_get(root, "added_tokens")));
    LTE_TRY(lte_read_pretokenizer(t, lte_where_key(name, "pre_tokenizer").text,
                                  json_object_get(root, "pre_tokenizer")));
    LTE_TRY(lte_read_template(t, lte_where_key(name, "post_processor").text,
                              json_object_get(root, "post_processor")));
    LTE_TRY(lte_read_decoder(t, lte_where_key(name, "decoder").text,
                             json_object_get(root, "decoder")));
    if (t->stage_count && t->stages[t->stage_count - 1].kind == LTE_STAGE_BYTES &&
        t->bpe.bytes_complete) {
        t->raw_bytes = true;
        t->stage_count--;
    }
    return lte_decoder_prepare(&t->decoder, &t->vocab, &t->pool);
}

enum lte_status lte_tokenizer_read(const struct lte_context *context, const char *name,
                                   const json_t *root, struct lte_tokenizer **tokenizer)
{
    *tokenizer = NULL;
    struct lte_tokenizer *t = lte_alloc_zero(context, sizeof *t);
    if (!t)
        return lte_fail_memory(context, name, sizeof *t);
    t->context = t->pool.context = context;
    const enum lte_status status = read_all(t, name, root);
    if (status != LTE_OK) {
        lte_tokenizer_free(t);
        return status;
    }
    *tokenizer = t;
    return LTE_OK;
}
