// SPDX-License-Identifier: BSD-2-Clause
// Decoding, one id at a time. Whole texts are decoded by the same stream.
#include "config.h"

#include <string.h>

#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/utf8.h"

// lte_stream.started: some piece was seen; the text has begun, so nothing is stripped from it any
// more; and above these the number of characters stripped so far.
enum { SEEN = 1, BEGUN = 2, STRIPPED = 4 };

struct output {
    char *text;
    size_t capacity, length; // length goes on past the capacity
};

static void put_bytes(struct output *out, const unsigned char *bytes, size_t length)
{
    if (out->length <= out->capacity && length <= out->capacity - out->length && out->capacity)
        memcpy(out->text + out->length, bytes, length);
    out->length += length;
}

static void put_character(struct lte_stream *s, struct output *out, const unsigned char *c,
                          size_t size)
{
    const struct lte_decoder *d = &s->tokenizer->decoder;
    if (!(s->started & BEGUN)) {
        if (s->started / STRIPPED < d->strip_count && size == d->strip.length &&
            !memcmp(c, d->strip.text, size)) {
            s->started += STRIPPED;
            return;
        }
        s->started |= BEGUN;
    }
    put_bytes(out, c, size);
}

static void put_characters(struct lte_stream *s, struct output *out, const unsigned char *c,
                           size_t length)
{
    for (size_t i = 0; i < length; i += lte_utf8_size(c[i]))
        put_character(s, out, c + i, lte_utf8_size(c[i]));
}

static void put_byte(struct lte_stream *s, struct output *out, unsigned char byte)
{
    struct lte_utf8_state state = {.held = s->held};
    unsigned char whole[LTE_UTF8_LOSSY];
    memcpy(state.bytes, s->bytes, sizeof state.bytes);
    const size_t n = lte_utf8_lossy(&state, byte, whole);
    memcpy(s->bytes, state.bytes, sizeof state.bytes);
    s->held = state.held;
    put_characters(s, out, whole, n);
}

static void put_piece(struct lte_stream *s, struct output *out, const struct lte_piece *p)
{
    const struct lte_decoder *d = &s->tokenizer->decoder;
    const bool first = !(s->started & SEEN);
    s->started |= SEEN;
    if (d->joined_by_space && !first)
        put_byte(s, out, ' ');
    const size_t drop = first ? d->first.length : 0;
    bool dropped = false;
    for (uint32_t i = 0; drop && i < p->length; i++)
        dropped |= p->length - i >= drop && !memcmp(p->text + i, d->first.text, drop);
    if (!dropped) {
        for (uint32_t i = 0; i < p->decoded_length; i++)
            put_byte(s, out, p->decoded[i]);
        return;
    }
    for (uint32_t i = 0; i < p->length;)
        if (p->length - i >= drop && !memcmp(p->text + i, d->first.text, drop))
            i += (uint32_t)drop;
        else
            put_byte(s, out, p->text[i++]);
}

static enum lte_status put_id(struct lte_stream *s, struct output *out, uint32_t id)
{
    const struct lte_tokenizer *t = s->tokenizer;
    if (!lte_vocab_has(&t->vocab, id))
        return lte_fail(t->context, LTE_ERR_ARGUMENT, "token id %u is not in the vocabulary (size %u)",
                        id, t->vocab.size);
    const struct lte_piece *p = &t->vocab.pieces[id];
    if (!(p->flags & LTE_PIECE_SPECIAL) || s->flags & LTE_DECODE_SPECIAL)
        put_piece(s, out, p);
    return LTE_OK;
}

static void put_end(struct lte_stream *s, struct output *out)
{
    struct lte_utf8_state state = {.held = s->held};
    unsigned char whole[LTE_UTF8_LOSSY];
    put_characters(s, out, whole, lte_utf8_lossy_end(&state, whole));
    s->held = 0;
    s->started = 0;
}

void lte_stream_init(struct lte_stream *stream, const struct lte_tokenizer *tokenizer,
                     unsigned flags)
{
    if (stream)
        *stream = (struct lte_stream){.tokenizer = tokenizer, .flags = flags};
}

// Keeps what was worked out on a copy of the stream if it fits.
static enum lte_status finish(struct lte_stream *stream, const struct lte_stream *after,
                              const struct output *out, size_t *length)
{
    *length = out->length;
    if (out->length > out->capacity)
        return LTE_ERR_SPACE;
    *stream = *after;
    return LTE_OK;
}

static bool usable(const struct lte_stream *stream, const char *text, size_t capacity,
                   const size_t *length)
{
    return stream && stream->tokenizer && length && (text || !capacity) && stream->held <= 3;
}

enum lte_status lte_stream_put(struct lte_stream *stream, uint32_t id, char *text, size_t capacity,
                               size_t *length)
{
    if (!usable(stream, text, capacity, length))
        return LTE_ERR_ARGUMENT;
    *length = 0;
    struct lte_stream after = *stream;
    struct output out = {.text = text, .capacity = capacity};
    LTE_TRY(put_id(&after, &out, id));
    return finish(stream, &after, &out, length);
}

enum lte_status lte_stream_end(struct lte_stream *stream, char *text, size_t capacity,
                               size_t *length)
{
    if (!usable(stream, text, capacity, length))
        return LTE_ERR_ARGUMENT;
    struct lte_stream after = *stream;
    struct output out = {.text = text, .capacity = capacity};
    put_end(&after, &out);
    return finish(stream, &after, &out, length);
}

size_t lte_stream_capacity(const struct lte_tokenizer *tokenizer)
{
    // Every byte may become U+FFFD, three bytes, and so may what was held; then the joining space.
    return tokenizer ? 3 * (tokenizer->decoder.longest + 2) : 0;
}

enum lte_status lte_tokenizer_decode(const struct lte_tokenizer *tokenizer, const uint32_t *ids,
                                     size_t count, unsigned flags, char *text, size_t capacity,
                                     size_t *length)
{
    if (!tokenizer || !length || (!ids && count) || (!text && capacity))
        return LTE_ERR_ARGUMENT;
    *length = 0;
    for (int writing = 0; writing <= 1; writing++) {
        struct lte_stream s;
        struct output out = {.text = text, .capacity = writing ? capacity : 0};
        lte_stream_init(&s, tokenizer, flags);
        for (size_t i = 0; i < count; i++)
            LTE_TRY(put_id(&s, &out, ids[i]));
        put_end(&s, &out);
        *length = out.length;
        if (out.length > capacity)
            return text ? LTE_ERR_SPACE : LTE_OK;
    }
    return LTE_OK;
}
