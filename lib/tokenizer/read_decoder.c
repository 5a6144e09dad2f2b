// SPDX-License-Identifier: BSD-2-Clause
// Reading "decoder" of tokenizer.json. What can be worked out piece by piece is supported, and a
// strip at the beginning of the text: that is what a stream can do in constant memory.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/read.h"

// How far the chain has come.
struct chain {
    bool fallback; // byte pieces are bytes from here on
    bool fused;    // all is one text
};

static enum lte_status refuse_here(const struct lte_tokenizer *t, const char *where, const char *type)
{
    return lte_fail(t->context, LTE_ERR_UNSUPPORTED, "%s: \"%s\" is not supported at this place",
                    where, type);
}

static enum lte_status add(struct lte_tokenizer *t, const char *where, const struct chain *chain,
                           const char *type, struct lte_decode_step step)
{
    struct lte_decoder *d = &t->decoder;
    if (chain->fused || chain->fallback || d->count == LTE_MAX_DECODE_STEPS)
        return refuse_here(t, where, type);
    d->steps[d->count++] = step;
    return LTE_OK;
}

static enum lte_status read_replace(struct lte_tokenizer *t, const char *where, const json_t *value,
                                    const struct chain *chain)
{
    struct lte_decode_step step = {.kind = LTE_DECODE_REPLACE};
    const json_t *pattern = json_object_get(value, "pattern");
    if (!json_object_get(pattern, "String"))
        return refuse_here(t, where, "Replace with a Regex");
    LTE_TRY(lte_read_text(t, pattern, where, "String", false, &step.from));
    LTE_TRY(lte_read_text(t, value, where, "content", true, &step.to));
    return add(t, where, chain, "Replace", step);
}

static enum lte_status read_strip(struct lte_tokenizer *t, const char *where, const json_t *value,
                                  const struct chain *chain)
{
    struct lte_decode_step step = {.kind = LTE_DECODE_STRIP};
    LTE_TRY(lte_read_text(t, value, where, "content", false, &step.from));
    LTE_TRY(lte_read_count(t, value, where, "start", &step.left));
    LTE_TRY(lte_read_count(t, value, where, "stop", &step.right));
    if (!chain->fused)
        return add(t, where, chain, "Strip", step);
    struct lte_decoder *d = &t->decoder;
    if (step.right || d->strip_count)
        return refuse_here(t, where, "Strip");
    d->strip = step.from;
    d->strip_count = (unsigned)step.left;
    return LTE_OK;
}

static enum lte_status read_metaspace(struct lte_tokenizer *t, const char *where,
                                      const json_t *value, const struct chain *chain)
{
    static const struct lte_span space = {(const unsigned char *)" ", 1};
    struct lte_decode_step step = {.kind = LTE_DECODE_REPLACE, .to = space};
    struct lte_decoder *d = &t->decoder;
    bool prefix;
    const json_t *scheme = json_object_get(value, "prepend_scheme");
    LTE_TRY(lte_read_bool(t, value, where, "add_prefix_space", true, &prefix));
    LTE_TRY(lte_read_text(t, value, where, "replacement", false, &step.from));
    if (d->count) // what the first piece loses is looked for in its spelling
        return refuse_here(t, where, "Metaspace");
    if (prefix && !(json_is_string(scheme) && !strcmp(json_string_value(scheme), "never")))
        d->first = step.from;
    return add(t, where, chain, "Metaspace", step);
}

static enum lte_status read_one(struct lte_tokenizer *t, const char *where, const json_t *value,
                                const char *type, struct chain *chain)
{
    struct lte_decoder *d = &t->decoder;
    if (d->first.length && strcmp(type, "ByteFallback") && strcmp(type, "Fuse"))
        return refuse_here(t, where, type);
    if (!strcmp(type, "Replace"))
        return read_replace(t, where, value, chain);
    if (!strcmp(type, "Strip"))
        return read_strip(t, where, value, chain);
    if (!strcmp(type, "Metaspace"))
        return read_metaspace(t, where, value, chain);
    if (!strcmp(type, "Fuse")) {
        chain->fused = true;
        return LTE_OK;
    }
    if (!strcmp(type, "ByteFallback")) {
        LTE_TRY(add(t, where, chain, type, (struct lte_decode_step){.kind = LTE_DECODE_BYTE_FALLBACK}));
        chain->fallback = true;
        return LTE_OK;
    }
    if (!strcmp(type, "ByteLevel")) {
        if (chain->fused || chain->fallback)
            return refuse_here(t, where, type);
        d->bytes = chain->fused = true;
        return LTE_OK;
    }
    return lte_read_unsupported(t, where, type);
}

static enum lte_status read_chain(struct lte_tokenizer *t, const char *where, const json_t *value,
                                  struct chain *chain)
{
    const char *type;
    LTE_TRY(lte_read_type(t, value, where, &type));
    if (strcmp(type, "Sequence"))
        return read_one(t, where, value, type, chain);
    const json_t *array;
    LTE_TRY(lte_read_array(t, value, where, "decoders", &array));
    for (size_t i = 0; i < json_array_size(array); i++)
        LTE_TRY(read_chain(t, lte_where_index(where, "decoders", i).text, json_array_get(array, i),
                           chain));
    return LTE_OK;
}

enum lte_status lte_read_decoder(struct lte_tokenizer *t, const char *where, const json_t *value)
{
    struct chain chain = {false, false};
    if (value && !json_is_null(value))
        return read_chain(t, where, value, &chain);
    t->decoder.joined_by_space = true;
    return LTE_OK;
}
