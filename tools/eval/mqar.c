// SPDX-License-Identifier: BSD-2-Clause
// Multi-query associative recall, by length: the part of queries whose value has the highest logit.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/eval/eval.h"
#include "tools/logits.h"
#include "tools/message.h"

struct task {
    struct evaluation *evaluation;
    struct lte_data *data;
    struct lte_batch batch;
    uint64_t hits, queries;
};

static void judge_row(void *opaque, size_t place, const float *logits)
{
    struct task *t = opaque;
    const uint32_t target = t->batch.target[place];
    if (target == LTE_IGNORE)
        return;
    t->queries++;
    t->hits += logits_highest(logits, t->evaluation->engine->info.vocabulary) == target;
}

static int read_sample(struct task *t, struct reader_session *reader, uint64_t step)
{
    struct lte_batch *b = &t->batch;
    uint32_t rows, segments;
    lte_data_size(t->data, &rows, &segments);
    b->rows = rows;
    b->segments = segments;
    const enum lte_status status = lte_data_batch(t->data, step, 0, b);
    if (status != LTE_OK)
        return message_failed("cannot make a sample", status);
    lte_session_reset(reader->session);
    return eval_feed(reader, b->token, b->rows, judge_row, t);
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
    int status = eval_open(e, length, logits_rows(e->engine->info.vocabulary), &reader);
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
    mqar.power = s->power > 0 ? (double)s->power : mqar.power;
    mqar.vocabulary = s->vocabulary ? (uint32_t)s->vocabulary : e->engine->info.vocabulary;
    if (mqar.vocabulary > e->engine->info.vocabulary) {
        message_error("--vocabulary %u: the model's has %u ids", (unsigned)mqar.vocabulary,
                      (unsigned)e->engine->info.vocabulary);
        return STATUS_USAGE;
    }
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
