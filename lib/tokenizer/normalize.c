// SPDX-License-Identifier: BSD-2-Clause
// The chain of normalizers and its simpler links.
#include "config.h"

#include "lib/tokenizer/normalize.h"

#include <utf8proc.h>

#include "lib/tokenizer/utf8.h"

void lte_normalizer_scratch_free(struct lte_normalizer_scratch *s)
{
    lte_buffer_free(&s->buffers[0]);
    lte_buffer_free(&s->buffers[1]);
    lte_buffer_free(&s->points);
}

static enum lte_status replace(const struct lte_normalizer *step, struct lte_matcher *matcher,
                               struct lte_span in, struct lte_buffer *out)
{
    struct lte_search search = {.text = in.text, .length = in.length};
    size_t done = 0;
    for (bool found;;) {
        LTE_TRY(lte_regex_next(matcher, step->regex, &search, &found));
        if (!found)
            break;
        LTE_TRY(lte_buffer_append(out, in.text + done, search.begin - done));
        LTE_TRY(lte_buffer_append(out, step->content.text, step->content.length));
        done = search.end;
    }
    return lte_buffer_append(out, in.text + done, in.length - done);
}

// Capitals of Unicode 16 and 17, which the library at hand may not know.
static uint32_t lower(uint32_t c)
{
    static const uint32_t newer[][2] = {
        {0x1c89, 0x1c8a}, {0xa7cb, 0x264}, {0xa7cc, 0xa7cd}, {0xa7ce, 0xa7cf}, {0xa7d2, 0xa7d3},
        {0xa7d4, 0xa7d5}, {0xa7da, 0xa7db}, {0xa7dc, 0x19b}};
    if (c < 0x1c89)
        return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++)
        if (c == newer[i][0])
            return newer[i][1];
    if (c >= 0x10d50 && c <= 0x10d65)
        return c + 0x20;
    if (c >= 0x16ea0 && c <= 0x16eb8)
        return c + 0x1b;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

// Character by character, as Rust's char::to_lowercase does: no final sigma.
static enum lte_status lowercase(struct lte_span in, struct lte_buffer *out)
{
    enum { CAPITAL_I_WITH_DOT = 0x130, DOT_ABOVE = 0x307 };
    size_t size;
    for (size_t i = 0; i < in.length; i += size) {
        const uint32_t c = lte_utf8_get(in.text + i, &size);
        LTE_TRY(lte_buffer_reserve(out, 8));
        unsigned char *p = out->bytes + out->length;
        size_t n;
        if (c == CAPITAL_I_WITH_DOT) {
            n = lte_utf8_put(p, 'i');
            n += lte_utf8_put(p + n, DOT_ABOVE);
        } else {
            n = lte_utf8_put(p, lower(c));
        }
        out->length += n;
    }
    return LTE_OK;
}

static void strip(const struct lte_normalizer *step, struct lte_span *span)
{
    size_t size;
    while (step->left && span->length && lte_is_space(lte_utf8_get(span->text, &size))) {
        span->text += size;
        span->length -= size;
    }
    const unsigned char *start = span->text;
    while (step->right && span->length &&
           lte_is_space(lte_utf8_last(start, start + span->length, &size)))
        span->length -= size;
}

static enum lte_status prepend(const struct lte_normalizer *step, struct lte_span in,
                               struct lte_buffer *out)
{
    if (in.length)
        LTE_TRY(lte_buffer_append(out, step->content.text, step->content.length));
    return lte_buffer_append(out, in.text, in.length);
}

static bool is_ascii(struct lte_span span)
{
    for (size_t i = 0; i < span.length; i++)
        if (span.text[i] >= 0x80)
            return false;
    return true;
}

enum lte_status lte_normalize(const struct lte_normalizers *normalizers,
                              struct lte_normalizer_scratch *scratch, struct lte_matcher *matcher,
                              struct lte_span *span)
{
    for (size_t i = 0; i < normalizers->count; i++) {
        const struct lte_normalizer *step = &normalizers->steps[i];
        if (step->kind == LTE_NORMALIZE_STRIP) {
            strip(step, span);
            continue;
        }
        if (step->kind == LTE_NORMALIZE_FORM && is_ascii(*span))
            continue;
        // A step reads the buffer that the one before it wrote.
        struct lte_buffer *out = &scratch->buffers[i % 2];
        if (out->length && span->text >= out->bytes && span->text < out->bytes + out->length)
            out = &scratch->buffers[(i + 1) % 2];
        out->length = 0;
        switch (step->kind) {
        case LTE_NORMALIZE_FORM:
            LTE_TRY(lte_normalize_form(step, &scratch->points, *span, out));
            break;
        case LTE_NORMALIZE_PREPEND:
            LTE_TRY(prepend(step, *span, out));
            break;
        case LTE_NORMALIZE_REPLACE:
            LTE_TRY(replace(step, matcher, *span, out));
            break;
        default:
            LTE_TRY(lowercase(*span, out));
        }
        *span = (struct lte_span){out->bytes, out->length};
    }
    return LTE_OK;
}
