// SPDX-License-Identifier: BSD-2-Clause
// The chain of pre-tokenizer stages, depth first: a word goes all the way down before the next is
// cut, so that memory does not grow with the number of words.
#include "config.h"

#include "lib/tokenizer/pretokenize.h"

#include <string.h>

#include "lib/tokenizer/bpe.h"

// Cuts `text` at the matches of a pattern. Matches and the stretches between them arrive one by
// one; `pending` is the word that the next of them may still extend.
struct splitter {
    const struct lte_stage *stage;
    size_t rest; // stages after this one
    struct lte_words *words;
    struct lte_span text;
    bool at_start;
    bool previous_matched;
    bool has_pending;
    size_t begin, end; // the pending word
};

static enum lte_status emit(struct splitter *s, size_t begin, size_t end)
{
    if (begin == end)
        return LTE_OK;
    const struct lte_span word = {s->text.text + begin, end - begin};
    return lte_pretokenize(s->stage + 1, s->rest, s->words, word, s->at_start && !begin);
}

static enum lte_status flush(struct splitter *s)
{
    const bool had = s->has_pending;
    s->has_pending = false;
    return had ? emit(s, s->begin, s->end) : LTE_OK;
}

static enum lte_status start_pending(struct splitter *s, size_t begin, size_t end)
{
    LTE_TRY(flush(s));
    s->begin = begin;
    s->end = end;
    s->has_pending = true;
    return LTE_OK;
}

static enum lte_status part(struct splitter *s, size_t begin, size_t end, bool matched)
{
    matched ^= s->stage->invert;
    const bool previous = s->previous_matched;
    s->previous_matched = matched;
    switch (s->stage->behavior) {
    case LTE_SPLIT_ISOLATED:
        return emit(s, begin, end);
    case LTE_SPLIT_REMOVED:
        return matched ? LTE_OK : emit(s, begin, end);
    case LTE_SPLIT_CONTIGUOUS:
        if (matched != previous || !s->has_pending)
            return start_pending(s, begin, end);
        s->end = end;
        return LTE_OK;
    case LTE_SPLIT_MERGED_WITH_PREVIOUS:
        if (!matched || previous || !s->has_pending)
            return start_pending(s, begin, end);
        s->end = end;
        return LTE_OK;
    case LTE_SPLIT_MERGED_WITH_NEXT:
        if (matched)
            return start_pending(s, begin, end);
        if (s->has_pending)
            begin = s->begin;
        s->has_pending = false;
        return emit(s, begin, end);
    }
    return LTE_OK;
}

static enum lte_status split(const struct lte_stage *stage, size_t rest, struct lte_words *words,
                             struct lte_span text, bool at_start)
{
    struct splitter s = {.stage = stage, .rest = rest, .words = words, .text = text,
                         .at_start = at_start};
    struct lte_search search = {.text = text.text, .length = text.length};
    size_t done = 0;
    for (bool found;;) {
        LTE_TRY(lte_regex_next(words->matcher, stage->regex, &search, &found));
        if (!found)
            break;
        if (done != search.begin)
            LTE_TRY(part(&s, done, search.begin, false));
        LTE_TRY(part(&s, search.begin, search.end, true));
        done = search.end;
    }
    if (done != text.length)
        LTE_TRY(part(&s, done, text.length, false));
    return flush(&s);
}

static enum lte_status edit(const struct lte_stage *stage, struct lte_buffer *out,
                            struct lte_span text)
{
    switch (stage->kind) {
    case LTE_STAGE_PREFIX:
        LTE_TRY(lte_buffer_append(out, stage->content.text, stage->content.length));
        return lte_buffer_append(out, text.text, text.length);
    case LTE_STAGE_BYTES:
        return lte_bytes_spell(out, text.text, text.length);
    default: {
        size_t done = 0;
        for (const unsigned char *space;
             (space = memchr(text.text + done, ' ', text.length - done));) {
            const size_t at = (size_t)(space - text.text);
            LTE_TRY(lte_buffer_append(out, text.text + done, at - done));
            LTE_TRY(lte_buffer_append(out, stage->content.text, stage->content.length));
            done = at + 1;
        }
        return lte_buffer_append(out, text.text + done, text.length - done);
    }
    }
}

static bool begins_with(struct lte_span text, struct lte_span prefix)
{
    return text.length >= prefix.length && !memcmp(text.text, prefix.text, prefix.length);
}

enum lte_status lte_pretokenize(const struct lte_stage *stages, size_t count,
                                struct lte_words *words, struct lte_span text, bool at_start)
{
    if (!text.length)
        return LTE_OK;
    if (!count)
        return words->put(words->opaque, text);
    if (stages->kind == LTE_STAGE_SPLIT)
        return split(stages, count - 1, words, text, at_start);
    if (stages->kind == LTE_STAGE_PREFIX &&
        (begins_with(text, stages->content) || (stages->only_first && !at_start)))
        return lte_pretokenize(stages + 1, count - 1, words, text, at_start);
    struct lte_buffer *out = &words->scratch[count - 1];
    out->length = 0;
    LTE_TRY(edit(stages, out, text));
    const struct lte_span edited = {out->bytes, out->length};
    return lte_pretokenize(stages + 1, count - 1, words, edited, at_start);
}
