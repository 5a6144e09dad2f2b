// SPDX-License-Identifier: BSD-2-Clause
// lte eval: what a model recalls and predicts.
#include "config.h"

#include "tools/eval/eval.h"

#include <stdlib.h>
#include <string.h>

#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/number.h"

#define SETTING(member) .offset = offsetof(struct eval_settings, member)

static const struct option_spec options[] = {
    {.name = "file", .letter = 'f', .kind = OPTION_TEXT, SETTING(file), .argument = "FILE",
     .help = "the text (perplexity), the haystack (niah 2 and 3), or\nJSON lines with \"text\" and "
             "\"value\" (cloze)"},
    {.name = "lengths", .kind = OPTION_TEXT, SETTING(lengths), .argument = "N,...",
     .help = "tokens of a sequence (default: 2048; mqar: 64, 256;\nniah: 1024, 2048, 4096)"},
    {.name = "samples", .letter = 'n', .kind = OPTION_INTEGER, SETTING(samples), .argument = "N",
     .low = 1, .high = 1000000000,
     .help = "samples of each length (default: 100); perplexity:\nblocks, cloze: documents (default: all)"},
    {.name = "seed", .kind = OPTION_INTEGER, SETTING(seed), .argument = "S", .low = 0,
     .high = UINT64_MAX, .help = "of the samples (default: 42)"},
    {.name = "variant", .kind = OPTION_INTEGER, SETTING(variant), .argument = "N", .low = 1,
     .high = 3, .help = "niah: 1 noise, 2 a text, 3 a text and UUIDs (default: 1)"},
    {.name = "depth", .kind = OPTION_REAL, SETTING(depth), .argument = "P", .real_low = 0,
     .real_high = 100, .help = "niah: percent of the haystack before the needle\n(default: drawn)"},
    {.name = "pairs", .kind = OPTION_INTEGER, SETTING(pairs), .argument = "N", .low = 1,
     .high = 1 << 20, .help = "mqar: keys and values (default: 4)"},
    {.name = "power", .kind = OPTION_REAL, SETTING(power), .argument = "A", .real_low = 0,
     .above = true, .real_high = 100,
     .help = "mqar: query place i has weight i^(A-1) (default: 0.01, the\nfirst ones; 1: all alike)"},
    {.name = "vocabulary", .kind = OPTION_INTEGER, SETTING(vocabulary), .argument = "N", .low = 4,
     .high = 1 << 24, .help = "mqar: ids used (default: all of the model's)"},
    {.name = "answer", .kind = OPTION_INTEGER, SETTING(count), .argument = "N", .low = 1,
     .high = 1 << 20, .help = "most tokens of an answer (default: niah 128, cloze 48)"},
    {.name = "bucket", .kind = OPTION_INTEGER, SETTING(bucket), .argument = "N", .low = 1,
     .high = 1 << 24, .help = "perplexity: also by place in the block, N tokens each"},
    {.name = "json", .kind = OPTION_FLAG, SETTING(json), .help = "print JSON instead of a table"},
    ENGINE_OPTIONS(struct eval_settings),
    SESSION_OPTIONS(struct eval_settings),
    {.name = NULL}};

static const struct task {
    const char *name, *lengths;
    uint64_t samples;
    eval_task *run;
} tasks[] = {{"perplexity", "2048", UINT64_MAX, eval_perplexity},
             {"niah", "1024,2048,4096", 100, eval_niah},
             {"mqar", "64,256", 100, eval_mqar},
             {"cloze", "2048", UINT64_MAX, eval_cloze}};

static const struct task *find_task(const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (!strcmp(tasks[i].name, name))
            return &tasks[i];
    message_error("no task \"%s\": there are perplexity, niah, mqar and cloze", name);
    return NULL;
}

static bool read_lengths(struct evaluation *e, const char *list)
{
    const char *at = list;
    do {
        char one[32];
        const size_t n = strcspn(at, ",");
        uint64_t value = 0;
        memcpy(one, at, n < sizeof one ? n : 0);
        one[n < sizeof one ? n : 0] = 0;
        if (!number_integer(one, &value) || value < 2 || value > 1 << 24 ||
            e->lengths == EVAL_LENGTHS) {
            message_error("--lengths %s: must be 1..%d whole numbers in 2..%d, with commas", list,
                          (int)EVAL_LENGTHS, 1 << 24);
            return false;
        }
        e->length[e->lengths++] = value;
        at += n + (at[n] == ',');
    } while (*at);
    return true;
}

int eval_open(struct evaluation *e, uint64_t tokens, size_t rows, struct reader_session *s)
{
    struct lte_plan plan = {0};
    *s = (struct reader_session){.rows = rows, .vocabulary = e->engine->info.vocabulary};
    const int status = engine_session(e->engine, &e->settings->engine, tokens, &s->session, &plan);
    if (status != STATUS_OK)
        return status;
    e->state_bytes = plan.state > e->state_bytes ? plan.state : e->state_bytes;
    s->logits = malloc(rows * e->engine->info.vocabulary * sizeof *s->logits);
    if (s->logits)
        return STATUS_OK;
    message_error("out of memory");
    return STATUS_FAILED;
}

int eval_feed(struct reader_session *s, const uint32_t *ids, size_t count, eval_row *row, void *opaque)
{
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < s->rows ? count - done : s->rows;
        const enum lte_status status =
            lte_session_feed(s->session, ids + done, n, LTE_LOGITS_ALL, s->logits);
        if (status != LTE_OK)
            return message_failed("cannot read a sequence", status);
        for (size_t i = 0; i < n; i++)
            row(opaque, done + i, s->logits + i * s->vocabulary);
        done += n;
        if (interrupted())
            return STATUS_INTERRUPTED;
    }
    return STATUS_OK;
}

void eval_close(struct reader_session *s)
{
    lte_session_free(s->session);
    free(s->logits);
    *s = (struct reader_session){.session = NULL};
}

const struct lte_tokenizer *eval_tokenizer(const struct evaluation *e)
{
    return e->tokenizer ? e->tokenizer : engine_tokenizer(e->engine);
}

static int evaluate(struct evaluation *e, const struct task *task)
{
    int status = task->run(e);
    if (status != STATUS_OK)
        return status;
    if (!e->settings->json)
        results_table(&e->results, e->state_bytes);
    else if (!results_json(&e->results, task->name, e->engine->folder, e->state_bytes))
        status = STATUS_FAILED;
    return status;
}

static int run(int argc, char **argv)
{
    struct eval_settings s = {.seed = 42, .pairs = 4, .variant = 1, .depth = -1};
    const char *operands[2];
    int status;
    if (!options_parse(&eval_command, &s, argc, argv, operands, &status))
        return status;
    const struct task *task = find_task(operands[0]);
    struct engine engine = {0};
    struct evaluation e = {.settings = &s, .engine = &engine};
    if (!task || !read_lengths(&e, s.lengths ? s.lengths : task->lengths))
        return STATUS_USAGE;
    s.samples = s.samples ? s.samples : task->samples;
    interrupt_catch();
    status = engine_open(&engine, &s.engine, operands[1]);
    if (status == STATUS_OK) {
        e.tokenizer = lte_model_tokenizer(engine.model);
        status = evaluate(&e, task);
    }
    results_end(&e.results);
    engine_close(&engine);
    return status;
}

const struct command eval_command = {
    .name = "eval",
    .summary = "measure what a model recalls and predicts",
    .operands = "TASK [MODEL]",
    .about = "Runs a task and prints its results with 95 % confidence intervals. TASK is one of\n"
             "  perplexity  of a text, in blocks read from an empty state\n"
             "  niah        RULER's single needle in a haystack: is the answer in what follows?\n"
             "  mqar        associative recall of pairs of random ids\n"
             "  cloze       documents that end in a cloze: is the value in what follows?\n"
             "For MODEL see 'lte generate --help'.\n",
    .options = options,
    .min_operands = 1,
    .max_operands = 2,
    .run = run};
