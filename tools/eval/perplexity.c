// SPDX-License-Identifier: BSD-2-Clause
// Perplexity of a text, cut into blocks that are read from an empty state each, and by the place of
// a token in its block.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/eval/eval.h"
#include "tools/logits.h"
#include "tools/message.h"

struct sums {
    double sum, squares;
    uint64_t count;
};

struct task {
    struct evaluation *evaluation;
    struct reader_session reader;
    const uint32_t *block;
    struct sums all, *bucket; // [buckets]
    size_t buckets;
};

static void count_in(struct sums *s, double x)
{
    s->sum += x;
    s->squares += x * x;
    s->count++;
}

static void count_row(void *opaque, size_t place, const float *logits)
{
    struct task *t = opaque;
    const double x = logits_surprise(logits, t->reader.vocabulary, t->block[place + 1]);
    count_in(&t->all, x);
    if (t->buckets)
        count_in(&t->bucket[place / t->evaluation->settings->bucket], x);
}

static int read_block(struct task *t, const uint32_t *ids, size_t tokens)
{
    t->block = ids;
    lte_session_reset(t->reader.session);
    return eval_feed(&t->reader, ids, tokens - 1, count_row, t);
}

static int add_results(struct task *t, uint64_t length)
{
    struct results *results = &t->evaluation->results;
    const uint64_t bucket = t->evaluation->settings->bucket;
    char name[96];
    if (!isfinite(t->all.sum)) {
        message_error("the model's logits are not finite: see 'lte info'");
        return STATUS_FAILED;
    }
    snprintf(name, sizeof name, "blocks of %llu tokens", (unsigned long long)length);
    if (!results_exponential(results, name, t->all.sum, t->all.squares, t->all.count))
        return STATUS_FAILED;
    for (size_t i = 0; i < t->buckets; i++) {
        const struct sums *s = &t->bucket[i];
        snprintf(name, sizeof name, "tokens %llu..%llu of a block", (unsigned long long)(i * bucket),
                 (unsigned long long)((i + 1) * bucket - 1));
        if (s->count && !results_exponential(results, name, s->sum, s->squares, s->count))
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

static int at_length(struct evaluation *e, const struct tokens *tokens, uint64_t length)
{
    const uint64_t longest = length < tokens->count ? length : tokens->count;
    const uint64_t bucket = e->settings->bucket;
    struct task t = {.evaluation = e, .buckets = bucket ? (size_t)((longest + bucket - 1) / bucket) : 0};
    int status = eval_open(e, longest, logits_rows(e->engine->info.vocabulary), &t.reader);
    t.bucket = calloc(t.buckets + 1, sizeof *t.bucket);
    if (status == STATUS_OK && !t.bucket) {
        message_error("out of memory");
        status = STATUS_FAILED;
    }
    uint64_t blocks = 0;
    for (size_t at = 0; at + 1 < tokens->count && blocks < e->settings->samples && status == STATUS_OK;
         at += length, blocks++)
        status = read_block(&t, tokens->ids + at,
                            tokens->count - at < length ? tokens->count - at : (size_t)length);
    if (status == STATUS_OK)
        status = add_results(&t, length);
    free(t.bucket);
    eval_close(&t.reader);
    return status;
}

int eval_perplexity(struct evaluation *e)
{
    struct text text;
    struct tokens tokens = {0};
    if (!e->settings->file) {
        message_error("perplexity needs a text: -f FILE");
        return STATUS_USAGE;
    }
    if (!eval_tokenizer(e))
        return STATUS_FAILED;
    int status = text_read(&text, NULL, e->settings->file);
    if (status == STATUS_OK)
        status = text_encode(&text, e->tokenizer, false, &tokens);
    if (status == STATUS_OK && tokens.count < 2) {
        message_error("%s: fewer than 2 tokens: nothing to predict", e->settings->file);
        status = STATUS_FAILED;
    }
    for (size_t i = 0; i < e->lengths && status == STATUS_OK; i++)
        status = at_length(e, &tokens, e->length[i]);
    tokens_free(&tokens);
    text_free(&text);
    return status;
}
