// SPDX-License-Identifier: BSD-2-Clause
// Works out what each piece of the vocabulary adds to the output.
#include "config.h"

#include "lib/tokenizer/decoder.h"

#include <string.h>

#include "lib/tokenizer/bpe.h"
#include "lib/tokenizer/utf8.h"

static bool at(struct lte_span text, size_t i, struct lte_span what)
{
    return text.length - i >= what.length && !memcmp(text.text + i, what.text, what.length);
}

static enum lte_status replace(const struct lte_decode_step *step, struct lte_span in,
                               struct lte_buffer *out)
{
    for (size_t i = 0; i < in.length;) {
        const bool hit = at(in, i, step->from);
        LTE_TRY(lte_buffer_append(out, hit ? step->to.text : in.text + i, hit ? step->to.length : 1));
        i += hit ? step->from.length : 1;
    }
    return LTE_OK;
}

static struct lte_span strip(const struct lte_decode_step *step, struct lte_span s)
{
    for (size_t k = 0; k < step->left && at(s, 0, step->from); k++) {
        s.text += step->from.length;
        s.length -= step->from.length;
    }
    for (size_t k = 0; k < step->right && s.length >= step->from.length &&
                       at(s, s.length - step->from.length, step->from); k++)
        s.length -= step->from.length;
    return s;
}

static int hex(unsigned char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_byte_piece(struct lte_span s, unsigned char *byte)
{
    if (s.length != 6 || memcmp(s.text, "<0x", 3) || s.text[5] != '>')
        return false;
    if (s.text[3] == '+' && hex(s.text[4]) >= 0) { // Rust's number parser takes a sign
        *byte = (unsigned char)hex(s.text[4]);
        return true;
    }
    if (hex(s.text[3]) < 0 || hex(s.text[4]) < 0)
        return false;
    *byte = (unsigned char)(hex(s.text[3]) << 4 | hex(s.text[4]));
    return true;
}

// The bytes that a piece in GPT-2's alphabet stands for; a piece that leaves it stands for itself.
static enum lte_status from_bytes(struct lte_span in, struct lte_buffer *out)
{
    LTE_TRY(lte_buffer_reserve(out, in.length));
    size_t size;
    for (size_t i = 0; i < in.length; i += size) {
        const int byte = lte_point_to_byte(lte_utf8_get(in.text + i, &size));
        if (byte < 0) {
            out->length = 0;
            return lte_buffer_append(out, in.text, in.length);
        }
        out->bytes[out->length++] = (unsigned char)byte;
    }
    return LTE_OK;
}

static enum lte_status decode(const struct lte_decoder *d, struct lte_span *s,
                              struct lte_buffer buffers[2])
{
    size_t turn = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct lte_decode_step *step = &d->steps[i];
        struct lte_buffer *out = &buffers[turn];
        unsigned char byte;
        out->length = 0;
        if (step->kind == LTE_DECODE_STRIP) {
            *s = strip(step, *s);
            continue;
        }
        if (step->kind == LTE_DECODE_REPLACE) {
            LTE_TRY(replace(step, *s, out));
        } else {
            if (!is_byte_piece(*s, &byte))
                continue;
            LTE_TRY(lte_buffer_append(out, &byte, 1));
        }
        *s = (struct lte_span){out->bytes, out->length};
        turn ^= 1;
    }
    if (!d->bytes)
        return LTE_OK;
    buffers[turn].length = 0;
    LTE_TRY(from_bytes(*s, &buffers[turn]));
    *s = (struct lte_span){buffers[turn].bytes, buffers[turn].length};
    return LTE_OK;
}

enum lte_status lte_decoder_prepare(struct lte_decoder *decoder, struct lte_vocab *vocab,
                                    struct lte_pool *pool)
{
    struct lte_buffer buffers[2] = {{.context = pool->context}, {.context = pool->context}};
    enum lte_status status = LTE_OK;
    for (uint32_t id = 0; id < vocab->size && status == LTE_OK; id++) {
        struct lte_piece *p = &vocab->pieces[id];
        if (!p->text)
            continue;
        struct lte_span s = {p->text, p->length};
        if (p->decoded) // an added token that the normalizer changes
            s = (struct lte_span){p->decoded, p->decoded_length};
        status = decode(decoder, &s, buffers);
        if (status != LTE_OK)
            break;
        // A piece that decodes to itself needs no copy.
        p->decoded = s.length == p->length && !memcmp(s.text, p->text, s.length)
                         ? p->text : lte_pool_copy(pool, s.text, s.length);
        p->decoded_length = (uint32_t)s.length;
        if (!p->decoded)
            status = LTE_ERR_MEMORY;
        if (s.length > decoder->longest)
            decoder->longest = s.length;
        // The first piece of a text may be given out undecoded.
        if (decoder->first.length && p->length > decoder->longest)
            decoder->longest = p->length;
    }
    lte_buffer_free(&buffers[0]);
    lte_buffer_free(&buffers[1]);
    return status;
}
