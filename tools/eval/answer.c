// SPDX-License-Identifier: BSD-2-Clause
// Whether a model's continuation of a prompt contains the answer.
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval/eval.h"
#include "tools/interrupt.h"
#include "tools/logits.h"
#include "tools/message.h"

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static bool contains(const char *text, size_t length, const char *answer, size_t answer_length)
{
    for (size_t i = 0; i + answer_length <= length; i++) {
        size_t k = 0;
        while (k < answer_length && same_letter(text[i + k], answer[k]))
            k++;
        if (k == answer_length)
            return true;
    }
    return false;
}

// Greedy tokens until a line ends; `text` grows to hold what they spell.
struct continuation {
    char *text;
    size_t length, capacity;
};

static bool put(struct continuation *c, struct lte_stream *stream, uint32_t token)
{
    size_t n;
    if (lte_stream_put(stream, token, c->text + c->length, c->capacity - c->length, &n) != LTE_OK)
        return false;
    c->length += n;
    return true;
}

static enum lte_status continue_prompt(const struct evaluation *e, struct reader_session *s,
                                       struct continuation *c, uint64_t count)
{
    const uint32_t vocabulary = e->engine->info.vocabulary;
    const uint32_t size = lte_tokenizer_size(e->tokenizer);
    const uint32_t ids = size < vocabulary ? size : vocabulary;
    uint32_t token = logits_highest(s->logits, ids);
    struct lte_stream stream;
    lte_stream_init(&stream, e->tokenizer, 0);
    for (uint64_t i = 0; i < count && token != LTE_NO_TOKEN; i++) {
        const size_t before = c->length;
        if ((int64_t)token == e->engine->info.eos || !put(c, &stream, token))
            return LTE_OK;
        if (memchr(c->text + before, '\n', c->length - before) && before)
            return LTE_OK;
        if (i + 1 < count) {
            const enum lte_status status =
                lte_session_step_greedy(&s->session, 1, &token, ids, s->logits, &token);
            if (status != LTE_OK)
                return status;
        }
    }
    return LTE_OK;
}

int eval_answer(const struct evaluation *e, struct reader_session *s, const char *prompt,
                size_t length, const char *answer, size_t answer_length, uint64_t count, bool *hit)
{
    struct tokens tokens = {0};
    struct text text = {.bytes = (char *)(uintptr_t)prompt, .length = length, .name = "the prompt"};
    struct continuation c = {.capacity = (count + 1) * lte_stream_capacity(e->tokenizer)};
    int result = text_encode(&text, e->tokenizer, false, &tokens);
    c.text = malloc(c.capacity);
    enum lte_status status = c.text ? LTE_OK : LTE_ERR_MEMORY;
    *hit = false;
    if (result == STATUS_OK && status == LTE_OK) {
        lte_session_reset(s->session);
        status = lte_session_feed(s->session, tokens.ids, tokens.count, LTE_LOGITS_LAST, s->logits);
        if (status == LTE_OK)
            status = continue_prompt(e, s, &c, count);
        *hit = contains(c.text, c.length, answer, answer_length);
    }
    if (result == STATUS_OK && status != LTE_OK)
        result = message_failed("cannot continue a prompt", status);
    free(c.text);
    tokens_free(&tokens);
    return result == STATUS_OK && interrupted() ? STATUS_INTERRUPTED : result;
}
