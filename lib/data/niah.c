// SPDX-License-Identifier: BSD-2-Clause
// S-NIAH as a source: draws needles, fits haystacks to a length in tokens.
#include "config.h"

#include "lib/data/niah.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/data/draw.h"
#include "lib/data/source.h"
#include "lib/tokenizer/utf8.h"

struct niah {
    struct lte_data base;
    struct lte_niah_options options;
    struct lte_file file;
    struct lte_haystack haystack;
    double unit;                  // tokens of a unit of haystack, about
    struct lte_buffer text, tail; // prompt; the answer that follows
    struct lte_buffer ids;        // of both, uint32_t
};

void lte_niah_options_init(struct lte_niah_options *options)
{
    if (options)
        *options = (struct lte_niah_options){.variant = 1, .depth = -1, .random_start = 1};
}

static void write_number(struct lte_draw *draw, char *value, size_t size)
{
    snprintf(value, size, "%u", 1000000 + lte_draw_below(draw, 9000000));
}

// Version 4: 122 random bits.
static void write_uuid(struct lte_draw *draw, char *value, size_t size)
{
    const uint64_t a = lte_draw_bits(draw), b = lte_draw_bits(draw);
    snprintf(value, size, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(b >> 48 & 0x3fff) | 0x8000u,
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

// RULER: noise takes the needle at any unit, text at one of 40 even depths in whole percent.
static double draw_depth(const struct niah *s, struct lte_draw *draw, double percent)
{
    const double u = lte_draw_uniform(draw);
    if (percent >= 0)
        return percent / 100;
    return s->haystack.bytes ? floor((int)(40 * u) * 100.0 / 39 + 0.5) / 100 : u;
}

static struct lte_needle draw_needle(const struct niah *s, uint64_t number, double percent)
{
    const struct lte_niah_words *w = &lte_niah_words;
    struct lte_draw draw = lte_draw_begin(s->base.key, number);
    struct lte_needle n = {.uuid = s->options.variant == 3};
    n.adjective = w->adjective[lte_draw_below(&draw, w->adjectives)];
    n.noun = w->noun[lte_draw_below(&draw, w->nouns)];
    n.depth = draw_depth(s, &draw, percent);
    const uint64_t start = lte_draw_bits(&draw);
    n.start = s->options.random_start ? start : 0;
    if (n.uuid)
        write_uuid(&draw, n.value, sizeof n.value);
    else
        write_number(&draw, n.value, sizeof n.value);
    return n;
}

static enum lte_status count_tokens(const struct niah *s, const struct lte_buffer *text,
                                    unsigned flags, size_t *count)
{
    return lte_tokenizer_encode(s->options.tokenizer, (const char *)text->bytes, text->length,
                                flags, NULL, 0, count);
}

static enum lte_status write_prompt(struct niah *s, const struct lte_needle *needle, uint64_t units,
                                    struct lte_needle_place *place, size_t *tokens)
{
    LTE_TRY(lte_niah_write(&s->text, &s->haystack, needle, units, place));
    return count_tokens(s, &s->text, LTE_ENCODE_TEMPLATE, tokens);
}

// Where to look for the largest haystack next, strictly between what fits and what does not: aim
// along the tokens per unit seen so far, and halve what is left when that has not ended soon.
static uint64_t next_units(uint64_t fits, uint64_t fails, uint64_t units, double missing,
                           double unit,
                           unsigned tries)
{
    enum { AIMED = 6 };
    if (tries >= AIMED && fails != UINT64_MAX)
        return fits + (fails - fits) / 2;
    const double aim = (double)units + missing / unit;
    if (aim <= (double)fits)
        return fits + 1;
    return aim >= (double)fails ? fails - 1 : (uint64_t)aim > fits ? (uint64_t)aim : fits + 1;
}

// Writes the prompt with the largest haystack for which it has at most `limit` tokens, of which
// there are more the more units it has.
static enum lte_status fit_prompt(struct niah *s, const struct lte_needle *needle, size_t limit,
                                  struct lte_needle_place *place, size_t *tokens)
{
    uint64_t fits = 0, fails = UINT64_MAX, units = 0;
    double unit = s->unit;
    LTE_TRY(write_prompt(s, needle, 0, place, tokens));
    const size_t none = *tokens;
    if (none > limit)
        return lte_fail(s->base.context, LTE_ERR_ARGUMENT,
                        "niah: a prompt without haystack has %zu tokens, there is room for %zu",
                        none, limit);
    for (unsigned tries = 0; fails - fits > 1; tries++) {
        units = next_units(fits, fails, units, (double)limit - (double)*tokens, unit, tries);
        LTE_TRY(write_prompt(s, needle, units, place, tokens));
        if (*tokens <= limit)
            fits = units;
        else
            fails = units;
        if (*tokens > none)
            unit = (double)(*tokens - none) / (double)units;
    }
    return units == fits ? LTE_OK : write_prompt(s, needle, fits, place, tokens);
}

static enum lte_status write_tail(struct niah *s, const struct lte_needle *needle)
{
    s->tail.length = 0;
    LTE_TRY(lte_buffer_text(&s->tail, " "));
    LTE_TRY(lte_buffer_text(&s->tail, needle->value));
    return lte_buffer_text(&s->tail, ".");
}

static enum lte_status encode(struct niah *s, const struct lte_buffer *text, unsigned flags,
                              size_t at, size_t *count)
{
    s->ids.length = at * sizeof(uint32_t);
    LTE_TRY(lte_buffer_reserve(&s->ids, (text->length + 16) * sizeof(uint32_t)));
    return lte_tokenizer_encode(s->options.tokenizer, (const char *)text->bytes, text->length,
                                flags, (uint32_t *)(void *)s->ids.bytes + at,
                                s->ids.capacity / sizeof(uint32_t) - at, count);
}

// The ids of prompt and answer: as one text when the prompt's own ids begin it, which is what a
// model that continues the prompt should write; else one after the other.
static enum lte_status encode_sample(struct niah *s, size_t limit, size_t *prompt, size_t *all)
{
    size_t joint, tail;
    const size_t length = s->text.length;
    LTE_TRY(encode(s, &s->text, LTE_ENCODE_TEMPLATE, 0, prompt));
    LTE_TRY(lte_buffer_append(&s->text, s->tail.bytes, s->tail.length));
    LTE_TRY(encode(s, &s->text, LTE_ENCODE_TEMPLATE, *prompt, &joint));
    const uint32_t *ids = (const uint32_t *)(const void *)s->ids.bytes;
    s->text.length = length;
    if (joint > *prompt && joint <= limit + 1 &&
        !memcmp(ids, ids + *prompt, *prompt * sizeof *ids)) {
        memmove(s->ids.bytes, s->ids.bytes + *prompt * sizeof *ids, joint * sizeof *ids);
        *all = joint;
        return LTE_OK;
    }
    LTE_TRY(encode(s, &s->tail, 0, *prompt, &tail));
    *all = *prompt + tail;
    return LTE_OK;
}

static enum lte_status put(struct lte_data *data, uint64_t step, uint64_t number,
                           struct lte_fill *fill)
{
    struct niah *s = (struct niah *)data;
    struct lte_draw draw = lte_draw_begin(~data->key, number);
    const uint32_t length = lte_draw_range(&draw, data->options.shortest, data->options.longest);
    const struct lte_needle needle = draw_needle(s, number, s->options.depth);
    size_t tokens, tail, prompt, all;
    (void)step;
    if (!lte_fill_room(fill, length))
        return LTE_OK;
    LTE_TRY(write_tail(s, &needle));
    LTE_TRY(count_tokens(s, &s->tail, 0, &tail));
    if (tail > length)
        return lte_fail(data->context, LTE_ERR_ARGUMENT,
                        "niah: the answer has %zu tokens, a sequence %u", tail, length);
    LTE_TRY(fit_prompt(s, &needle, length + 1 - tail, NULL, &tokens));
    LTE_TRY(encode_sample(s, length, &prompt, &all));
    const uint32_t *ids = (const uint32_t *)(const void *)s->ids.bytes;
    uint32_t *token = fill->batch->token + fill->rows, *target = fill->batch->target + fill->rows;
    for (size_t i = 0; i + 1 < all; i++) {
        token[i] = ids[i];
        target[i] = i + 1 >= prompt || data->options.all_targets ? ids[i + 1] : LTE_IGNORE;
    }
    lte_fill_segment(fill, all - 1);
    return LTE_OK;
}

static void release(struct lte_data *data)
{
    struct niah *s = (struct niah *)data;
    lte_file_unmap(&s->file);
    lte_buffer_free(&s->text);
    lte_buffer_free(&s->tail);
    lte_buffer_free(&s->ids);
}

static const struct lte_data_kind kind = {.name = "niah", .put = put, .free = release};

static enum lte_status check(const struct lte_context *c, const struct lte_niah_options *o)
{
    if (!o->tokenizer)
        return lte_fail(c, LTE_ERR_ARGUMENT, "niah: no tokenizer");
    if (o->variant < 1 || o->variant > 3)
        return lte_fail(c, LTE_ERR_ARGUMENT, "niah: variant %d is not 1, 2 or 3", o->variant);
    if (o->variant > 1 && !o->haystack)
        return lte_fail(c, LTE_ERR_ARGUMENT, "niah: variant %d needs a text as haystack",
                        o->variant);
    if (!(o->depth <= 100)) // also NaN
        return lte_fail(c, LTE_ERR_ARGUMENT, "niah: a depth of %g percent", o->depth);
    return LTE_OK;
}

static enum lte_status open_haystack(struct niah *s)
{
    const struct lte_context *c = s->base.context;
    const char *path = s->options.haystack;
    if (s->options.variant == 1)
        return LTE_OK;
    LTE_TRY(lte_file_map(c, path, SIZE_MAX, &s->file));
    const size_t valid = lte_utf8_valid(s->file.bytes, s->file.size);
    if (valid < s->file.size)
        return lte_fail(c, LTE_ERR_UTF8, "%s: not UTF-8 at byte %zu (0x%02x)", path, valid,
                        s->file.bytes[valid]);
    s->haystack = (struct lte_haystack){s->file.bytes, s->file.size};
    if (!lte_haystack_has_words(&s->haystack))
        return lte_fail(c, LTE_ERR_FORMAT, "%s: no words in it", path);
    return LTE_OK;
}

static const char *longest_word(const char *const *word, uint32_t count)
{
    const char *longest = word[0];
    for (uint32_t i = 1; i < count; i++)
        longest = strlen(word[i]) > strlen(longest) ? word[i] : longest;
    return longest;
}

// How many tokens a unit takes; and that no needle will be too long for the shortest sequence: the
// longest words, and a value (which occurs twice) that has a token for every byte.
static enum lte_status measure(struct niah *s)
{
    enum { UNITS = 64 };
    const struct lte_niah_words *w = &lte_niah_words;
    struct lte_needle needle = draw_needle(s, 0, 0);
    size_t none, some, tail;
    needle.adjective = longest_word(w->adjective, w->adjectives);
    needle.noun = longest_word(w->noun, w->nouns);
    LTE_TRY(write_prompt(s, &needle, 0, NULL, &none));
    LTE_TRY(write_prompt(s, &needle, UNITS, NULL, &some));
    s->unit = some > none ? (double)(some - none) / UNITS : 1;
    LTE_TRY(write_tail(s, &needle));
    LTE_TRY(count_tokens(s, &s->tail, 0, &tail));
    const size_t slack = 2 * (s->tail.length > tail ? s->tail.length - tail : 0);
    if (none + tail + slack > s->base.options.shortest + 1)
        return lte_fail(s->base.context, LTE_ERR_ARGUMENT,
                        "niah: without haystack a sample has up to %zu tokens, the shortest "
                        "sequence %u", none + tail + slack - 1, s->base.options.shortest);
    return LTE_OK;
}

enum lte_status lte_data_niah(struct lte_context *context, const struct lte_niah_options *niah,
                              const struct lte_data_options *options, struct lte_data **data)
{
    struct lte_data *d;
    if (data)
        *data = NULL;
    if (!context || !niah || !data)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check(context, niah));
    LTE_TRY(lte_data_new(context, &kind, sizeof(struct niah), options, &d));
    struct niah *s = (struct niah *)d;
    s->options = *niah;
    s->text.context = s->tail.context = s->ids.context = context;
    d->vocabulary = lte_tokenizer_size(niah->tokenizer);
    enum lte_status status = open_haystack(s);
    if (status == LTE_OK)
        status = measure(s);
    s->options.haystack = NULL; // the caller's, not needed any more
    return lte_data_done(d, status, data);
}

enum lte_status lte_data_niah_sample(struct lte_data *data, uint64_t index, uint32_t tokens,
                                     double depth, struct lte_niah_sample *sample)
{
    struct niah *s = (struct niah *)data;
    struct lte_needle_place place;
    size_t count;
    if (!data || data->kind != &kind || !sample || !(depth <= 100))
        return LTE_ERR_ARGUMENT;
    const struct lte_needle needle = draw_needle(s, index, depth < 0 ? s->options.depth : depth);
    LTE_TRY(fit_prompt(s, &needle, tokens, &place, &count));
    const size_t length = s->text.length;
    LTE_TRY(lte_buffer_append(&s->text, "", 1));
    s->tail.length = 0;
    LTE_TRY(lte_buffer_append(&s->tail, needle.value, strlen(needle.value) + 1));
    *sample = (struct lte_niah_sample){
        .prompt = (const char *)s->text.bytes, .answer = (const char *)s->tail.bytes,
        .prompt_length = length, .answer_length = strlen(needle.value), .needle = place.byte,
        .tokens = (uint32_t)count, .depth = place.depth};
    return LTE_OK;
}
