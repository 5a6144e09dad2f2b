// SPDX-License-Identifier: BSD-2-Clause
// Multi-query associative recall, by length: the part of queries whose value has the highest logit.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/eval/eval.h"
#include "tools/interrupt.h"
#include "tools/message.h"

struct task {
    struct evaluation *evaluation;
    struct lte_data *data;
    struct lte_batch batch;
    uint64_t hits, queries;
};

static int read_sample(struct task *t, struct reader_session *reader, uint64_t step)
{
    struct lte_batch *b = &t->batch;
    const uint32_t vocabulary = t->evaluation->engine->info.vocabulary;
    uint32_t rows, segments;
    lte_data_size(t->data, &rows, &segments);
    b->rows = rows;
    b->segments = segments;
    enum lte_status status = lte_data_batch(t->data, step, 0, b);
    if (status == LTE_OK) {
        lte_session_reset(reader->session);
        status = lte_session_feed(reader->session, b->token, b->rows, LTE_LOGITS_ALL, reader->logits);
    }
    if (status != LTE_OK)
        return message_failed("cannot read a sample", status);
    for (size_t i = 0; i < b->rows; i++) {
        if (b->target[i] == LTE_IGNORE)
            continue;
        t->queries++;
        t->hits += eval_highest(reader->logits + i * vocabulary, vocabulary) == b->target[i];
    }
    return interrupted() ? STATUS_INTERRUPTED : STATUS_OK;
}

static int read_samples(struct task *t, uint64_t length)
{
    struct evaluation *e = t->evaluation;
    struct reader_session reader;
    uint32_t rows, segments;
    lte_data_size(t->data, &rows, &segments);
    t->batch.token = malloc(rows * sizeof *t->batch.token);
    t->batch.target = malloc(rows * sizeof *t->batch.target);
    t->batch.segment = malloc(segments * sizeof *t->batch.segment);
    int status = eval_open(e, length, rows, &reader);
    if (status == STATUS_OK && !(t->batch.token && t->batch.target && t->batch.segment)) {
        message_error("out of memory");
        status = STATUS_FAILED;
    }
    for (uint64_t i = 0; i < e->settings->samples && status == STATUS_OK; i++)
        status = read_sample(t, &reader, i);
    eval_close(&reader);
    free(t->batch.token);
    free(t->batch.target);
    free(t->batch.segment);
    return status;
}

static int at_length(struct evaluation *e, uint64_t length)
{
    const struct eval_settings *s = e->settings;
    struct task t = {.evaluation = e};
    struct lte_data_options options;
    struct lte_mqar_options mqar;
    char name[96];
    lte_data_options_init(&options);
    lte_mqar_options_init(&mqar);
    options.seed = s->seed;
    options.longest = options.shortest = options.rows = (uint32_t)length;
    mqar.pairs = mqar.fewest = (uint32_t)s->pairs;
    mqar.vocabulary = s->vocabulary ? (uint32_t)s->vocabulary : e->engine->info.vocabulary;
    const enum lte_status made = lte_data_mqar(e->engine->context, &mqar, &options, &t.data);
    if (made != LTE_OK)
        return message_failed("cannot make the task", made);
    int status = read_samples(&t, length);
    lte_data_free(t.data);
    snprintf(name, sizeof name, "mqar %llu pairs in %llu tokens", (unsigned long long)s->pairs,
             (unsigned long long)length);
    if (status == STATUS_OK && !results_proportion(&e->results, name, t.hits, t.queries))
        status = STATUS_FAILED;
    return status;
}

int eval_mqar(struct evaluation *e)
{
    int status = STATUS_OK;
    for (size_t i = 0; i < e->lengths && status == STATUS_OK; i++)
        status = at_length(e, e->length[i]);
    return status;
}
