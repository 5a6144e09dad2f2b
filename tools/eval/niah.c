// SPDX-License-Identifier: BSD-2-Clause
// RULER's single needle in a haystack, by length.
#include "config.h"

#include <stdio.h>

#include "tools/eval/eval.h"
#include "tools/message.h"

enum { ANSWER_TOKENS = 128 }; // that RULER leaves for the answer

static int at_length(struct evaluation *e, struct lte_data *data, uint64_t length)
{
    const struct eval_settings *s = e->settings;
    struct reader_session reader;
    uint64_t hits = 0;
    char name[96];
    const uint64_t prompt = length > ANSWER_TOKENS ? length - ANSWER_TOKENS : length;
    const uint64_t count = s->count ? s->count : ANSWER_TOKENS;
    int status = eval_open(e, prompt + count, 1, &reader);
    for (uint64_t i = 0; i < s->samples && status == STATUS_OK; i++) {
        struct lte_niah_sample sample;
        bool hit = false;
        const enum lte_status made =
            lte_data_niah_sample(data, i, (uint32_t)prompt, (double)s->depth, &sample);
        if (made != LTE_OK)
            status = message_failed("cannot make a sample", made);
        else
            status = eval_answer(e, &reader, sample.prompt, sample.prompt_length, sample.answer,
                                 sample.answer_length, count, &hit);
        hits += hit;
    }
    eval_close(&reader);
    snprintf(name, sizeof name, "niah_single_%d at %llu tokens", (int)s->variant,
             (unsigned long long)length);
    if (status == STATUS_OK && !results_proportion(&e->results, name, hits, s->samples))
        status = STATUS_FAILED;
    return status;
}

int eval_niah(struct evaluation *e)
{
    const struct eval_settings *s = e->settings;
    struct lte_data_options options;
    struct lte_niah_options niah;
    struct lte_data *data;
    uint64_t longest = 0;
    lte_data_options_init(&options);
    lte_niah_options_init(&niah);
    niah.tokenizer = eval_tokenizer(e);
    niah.variant = (int)s->variant;
    niah.haystack = s->file;
    if (!niah.tokenizer)
        return STATUS_FAILED;
    for (size_t i = 0; i < e->lengths; i++)
        longest = e->length[i] > longest ? e->length[i] : longest;
    options.seed = s->seed;
    options.longest = options.shortest = options.rows = (uint32_t)longest;
    const enum lte_status made = lte_data_niah(e->engine->context, &niah, &options, &data);
    if (made != LTE_OK)
        return message_failed("cannot make the haystack", made);
    int status = STATUS_OK;
    for (size_t i = 0; i < e->lengths && status == STATUS_OK; i++)
        status = at_length(e, data, e->length[i]);
    lte_data_free(data);
    return status;
}
