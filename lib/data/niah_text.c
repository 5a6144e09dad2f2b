// SPDX-License-Identifier: BSD-2-Clause
// The prompts of S-NIAH, word for word those of RULER.
#include "config.h"

#include <stdarg.h>
#include <string.h>

#include "lib/data/niah.h"

static const char noise[] = "The grass is green. The sky is blue. The sun is yellow. Here we go. "
                            "There and back again.";

// Appends texts up to a NULL.
static enum lte_status put(struct lte_buffer *out, ...)
{
    enum lte_status status = LTE_OK;
    va_list texts;
    va_start(texts, out);
    for (const char *text; status == LTE_OK && (text = va_arg(texts, const char *));)
        status = lte_buffer_text(out, text);
    va_end(texts);
    return status;
}

static enum lte_status put_needle(struct lte_buffer *out, const struct lte_needle *n,
                                  struct lte_needle_place *place, uint64_t before, uint64_t all)
{
    if (place)
        *place = (struct lte_needle_place){out->length, all ? (double)before / (double)all : 0};
    return put(out, "One of the special magic ", n->uuid ? "uuids" : "numbers", " for ",
               n->adjective, "-", n->noun, " is: ", n->value, ".", (char *)NULL);
}

// The unit of `count` before which the needle goes; `count` is behind all.
static uint64_t unit_at(double depth, uint64_t count)
{
    const uint64_t at = (uint64_t)(depth * (double)count);
    return at < count ? at : count;
}

static enum lte_status put_noise(struct lte_buffer *out, const struct lte_needle *n, uint64_t units,
                                 struct lte_needle_place *place)
{
    const uint64_t at = unit_at(n->depth, units);
    for (uint64_t i = 0; i <= units; i++) {
        if (i == at) {
            LTE_TRY(put_needle(out, n, place, at, units));
            if (i < units)
                LTE_TRY(put(out, "\n", (char *)NULL));
        }
        if (i < units)
            LTE_TRY(put(out, noise, i + 1 < units || at == units ? "\n" : "", (char *)NULL));
    }
    return LTE_OK;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Words of a text, over and over.
struct reader {
    const struct lte_haystack *text;
    size_t at;
};

static struct lte_span next_word(struct reader *r)
{
    const struct lte_haystack *h = r->text;
    while (r->at >= h->length || is_blank(h->bytes[r->at]))
        r->at = r->at >= h->length ? 0 : r->at + 1;
    const size_t begin = r->at;
    while (r->at < h->length && !is_blank(h->bytes[r->at]))
        r->at++;
    return (struct lte_span){h->bytes + begin, r->at - begin};
}

// At the first word that begins at or after `start`.
static struct reader reader_at(const struct lte_haystack *h, uint64_t start)
{
    struct reader r = {h, (size_t)(start % h->length)};
    while (r.at && r.at < h->length && !is_blank(h->bytes[r.at - 1]))
        r.at++;
    return r;
}

// A sentence ends with a word that ends with a stop, which quotes and brackets may follow.
static bool ends_sentence(struct lte_span word)
{
    size_t n = word.length;
    while (n && strchr("\"')]", word.text[n - 1]) && word.text[n - 1])
        n--;
    return n && (word.text[n - 1] == '.' || word.text[n - 1] == '!' || word.text[n - 1] == '?');
}

static uint64_t count_sentences(struct reader r, uint64_t words)
{
    uint64_t sentences = 0;
    bool ended = true;
    for (uint64_t i = 0; i < words; i++) {
        ended = ends_sentence(next_word(&r));
        sentences += ended;
    }
    return sentences + !ended;
}

static enum lte_status put_text(struct lte_buffer *out, const struct lte_haystack *h,
                                const struct lte_needle *n, uint64_t words,
                                struct lte_needle_place *place)
{
    struct reader r = reader_at(h, n->start);
    const uint64_t sentences = count_sentences(r, words), at = unit_at(n->depth, sentences);
    uint64_t sentence = 0;
    bool begins = true; // a sentence
    for (uint64_t i = 0; i < words; i++) {
        if (i)
            LTE_TRY(put(out, " ", (char *)NULL));
        if (begins && sentence == at) {
            LTE_TRY(put_needle(out, n, place, at, sentences));
            LTE_TRY(put(out, " ", (char *)NULL));
        }
        const struct lte_span word = next_word(&r);
        LTE_TRY(lte_buffer_append(out, word.text, word.length));
        begins = ends_sentence(word);
        sentence += begins;
    }
    if (at < sentences)
        return LTE_OK;
    LTE_TRY(put(out, words ? " " : "", (char *)NULL));
    return put_needle(out, n, place, at, sentences);
}

enum lte_status lte_niah_write(struct lte_buffer *out, const struct lte_haystack *haystack,
                               const struct lte_needle *n, uint64_t units,
                               struct lte_needle_place *place)
{
    const char *what = n->uuid ? "uuid" : "number";
    out->length = 0;
    LTE_TRY(put(out, "A special magic ", what, " is hidden within the following text. Make sure to "
                "memorize it. I will quiz you about the ", what, " afterwards.\n", (char *)NULL));
    if (haystack->bytes)
        LTE_TRY(put_text(out, haystack, n, units, place));
    else
        LTE_TRY(put_noise(out, n, units, place));
    LTE_TRY(put(out, "\nWhat is the special magic ", what, " for ", n->adjective, "-", n->noun,
                " mentioned in the provided text?", (char *)NULL));
    return put(out, " The special magic ", what, " for ", n->adjective, "-", n->noun,
               " mentioned in the provided text is", (char *)NULL);
}

bool lte_haystack_has_words(const struct lte_haystack *haystack)
{
    for (size_t i = 0; i < haystack->length; i++)
        if (!is_blank(haystack->bytes[i]))
            return true;
    return false;
}
