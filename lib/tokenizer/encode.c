// SPDX-License-Identifier: BSD-2-Clause
// Encoding: added tokens, normalizers, pre-tokenizers, BPE and the template, one after the other.
#include "config.h"

#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/utf8.h"

struct encoder {
    const struct lte_tokenizer *tokenizer;
    unsigned flags;
    struct lte_id_sink sink;
    struct lte_matcher matcher;
    struct lte_normalizer_scratch normalizer;
    struct lte_words words;
    struct lte_bpe_scratch bpe;
};

static void put_id(void *opaque, uint32_t id)
{
    lte_id_put(&((struct encoder *)opaque)->sink, id);
}

static enum lte_status put_word(void *opaque, struct lte_span word)
{
    struct encoder *e = opaque;
    const unsigned flags = (e->tokenizer->raw_bytes ? LTE_BPE_BYTES : 0u) |
                           (e->flags & LTE_ENCODE_SPECIAL ? LTE_BPE_SPECIAL : 0u);
    return lte_bpe_encode(&e->tokenizer->bpe, &e->bpe, word.text, word.length, flags, &e->sink);
}

// Text without added tokens.
static enum lte_status put_normalized(void *opaque, struct lte_span text, bool at_start)
{
    struct encoder *e = opaque;
    const struct lte_tokenizer *t = e->tokenizer;
    return lte_pretokenize(t->stages, t->stage_count, &e->words, text, at_start);
}

// Text without those added tokens that are looked for before normalizing.
static enum lte_status put_plain(void *opaque, struct lte_span text, bool at_start)
{
    struct encoder *e = opaque;
    const struct lte_tokenizer *t = e->tokenizer;
    LTE_TRY(lte_normalize(&t->normalizers, &e->normalizer, &e->matcher, &text));
    const struct lte_added_parts parts = {put_normalized, put_id, e};
    return lte_added_split(&t->added_normalized, text, at_start, e->flags & LTE_ENCODE_SPECIAL,
                           &parts);
}

static enum lte_status encode(struct encoder *e, struct lte_span text)
{
    const struct lte_template *ids = &e->tokenizer->template_ids;
    const bool with_template = e->flags & LTE_ENCODE_TEMPLATE;
    const struct lte_added_parts parts = {put_plain, put_id, e};
    for (size_t i = 0; with_template && i < ids->before_count; i++)
        put_id(e, ids->before[i]);
    LTE_TRY(lte_added_split(&e->tokenizer->added, text, true, e->flags & LTE_ENCODE_SPECIAL, &parts));
    for (size_t i = 0; with_template && i < ids->after_count; i++)
        put_id(e, ids->after[i]);
    return LTE_OK;
}

static void free_scratch(struct encoder *e)
{
    lte_matcher_close(&e->matcher);
    lte_normalizer_scratch_free(&e->normalizer);
    for (size_t i = 0; i < LTE_MAX_STAGES; i++)
        lte_buffer_free(&e->words.scratch[i]);
    lte_bpe_scratch_free(&e->bpe);
}

static enum lte_status check_text(const struct lte_context *c, struct lte_span text)
{
    const size_t valid = lte_utf8_valid(text.text, text.length);
    if (valid == text.length)
        return LTE_OK;
    return lte_fail(c, LTE_ERR_UTF8, "text is not UTF-8 at byte %zu (0x%02x)", valid,
                    text.text[valid]);
}

enum lte_status lte_tokenizer_encode(const struct lte_tokenizer *tokenizer, const char *text,
                                     size_t length, unsigned flags, uint32_t *ids,
                                     size_t capacity, size_t *count)
{
    if (!tokenizer || !count || (!text && length) || (!ids && capacity))
        return LTE_ERR_ARGUMENT;
    *count = 0;
    const struct lte_context *c = tokenizer->context;
    if (flags & ~(unsigned)(LTE_ENCODE_SPECIAL | LTE_ENCODE_TEMPLATE))
        return lte_fail(c, LTE_ERR_ARGUMENT, "encode: unknown flags 0x%x", flags);
    const struct lte_span span = {(const unsigned char *)(text ? text : ""), length};
    LTE_TRY(check_text(c, span));
    struct encoder e = {.tokenizer = tokenizer, .flags = flags, .sink = {ids, capacity, 0}};
    const struct lte_buffer empty = {.context = c};
    e.normalizer = (struct lte_normalizer_scratch){{empty, empty}, empty};
    e.words = (struct lte_words){.put = put_word, .opaque = &e, .matcher = &e.matcher};
    for (size_t i = 0; i < LTE_MAX_STAGES; i++)
        e.words.scratch[i] = empty;
    e.bpe = (struct lte_bpe_scratch){c, empty, empty, empty};
    enum lte_status status = lte_matcher_open(&e.matcher, c, length);
    if (status == LTE_OK)
        status = encode(&e, span);
    free_scratch(&e);
    if (status != LTE_OK)
        return status;
    *count = e.sink.count;
    return e.sink.count > capacity && ids ? LTE_ERR_SPACE : LTE_OK;
}
