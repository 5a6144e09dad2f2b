// SPDX-License-Identifier: BSD-2-Clause
// lte score: how well a model predicts a text.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/engine.h"
#include "tools/interrupt.h"
#include "tools/logits.h"
#include "tools/message.h"
#include "tools/progress.h"

struct settings {
    struct engine_settings engine;
    const char *words, *file;
    bool special;
};

#define SETTING(member) .offset = offsetof(struct settings, member)

static const struct option_spec options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPTION_TEXT, SETTING(words), .argument = "TEXT",
     .help = "score TEXT"},
    {.name = "file", .letter = 'f', .kind = OPTION_TEXT, SETTING(file), .argument = "FILE",
     .help = "score the text in FILE; - is standard input"},
    {.name = "special", .kind = OPTION_FLAG, SETTING(special),
     .help = "recognise special tokens spelled out in the text"},
    ENGINE_OPTIONS(struct settings),
    SESSION_OPTIONS(struct settings),
    {.name = NULL}};

static int sum_surprise(struct lte_session *session, uint32_t vocabulary,
                        const struct tokens *tokens, float *logits, double *sum)
{
    const size_t scored = tokens->count - 1, rows = logits_rows(vocabulary);
    struct progress progress;
    int result = STATUS_OK;
    progress_begin(&progress);
    for (size_t done = 0; done < scored && result == STATUS_OK;) {
        const size_t n = scored - done < rows ? scored - done : rows;
        const enum lte_status status =
            lte_session_feed(session, tokens->ids + done, n, LTE_LOGITS_ALL, logits);
        if (status != LTE_OK)
            result = message_failed("cannot read the text", status);
        for (size_t i = 0; i < n && result == STATUS_OK; i++)
            *sum += logits_surprise(logits + i * vocabulary, vocabulary, tokens->ids[done + i + 1]);
        done += n;
        if (result == STATUS_OK && progress_update(&progress, done, scored))
            result = STATUS_INTERRUPTED;
    }
    progress_end(&progress);
    return result;
}

static int score(const struct settings *settings, const struct engine *engine,
                 const struct tokens *tokens)
{
    if (tokens->count < 2) {
        message_error("%zu tokens: a text of at least 2 is needed, because the first is not scored",
                      tokens->count);
        return STATUS_FAILED;
    }
    struct lte_session *session;
    struct lte_plan plan;
    int status = engine_session(engine, &settings->engine, tokens->count, &session, &plan);
    if (status != STATUS_OK)
        return status;
    const uint32_t vocabulary = engine->info.vocabulary;
    double sum = 0;
    float *logits = malloc(logits_rows(vocabulary) * vocabulary * sizeof *logits);
    if (logits) {
        status = sum_surprise(session, vocabulary, tokens, logits, &sum);
    } else {
        message_error("out of memory");
        status = STATUS_FAILED;
    }
    if (status == STATUS_OK && !isfinite(sum)) {
        message_error("the model's logits are not finite: see 'lte info'");
        status = STATUS_FAILED;
    }
    free(logits);
    lte_session_free(session);
    if (status != STATUS_OK)
        return status;
    const size_t scored = tokens->count - 1;
    const double mean = sum / (double)scored;
    printf("tokens      %zu\nscored      %zu\nnll         %.6f\nperplexity  %.4f\n", tokens->count,
           scored, mean, exp(mean));
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    struct settings s = {0};
    const char *folder;
    int status;
    if (!options_parse(&score_command, &s, argc, argv, &folder, &status))
        return status;
    if (!s.words && !s.file) {
        message_error("score needs a text: give one with -f or -p");
        return STATUS_USAGE;
    }
    struct engine engine = {0};
    struct tokens tokens = {0};
    interrupt_catch();
    status = engine_read(&engine, &s.engine, folder, s.words, s.file, s.special, &tokens);
    if (status == STATUS_OK)
        status = score(&s, &engine, &tokens);
    tokens_free(&tokens);
    engine_close(&engine);
    return status;
}

const struct command score_command = {
    .name = "score",
    .summary = "measure how well a model predicts a text",
    .operands = "[MODEL] -p TEXT | -f FILE",
    .about = "Prints the number of tokens of a text and how many of them are scored (all but the\n"
             "first), the mean negative log-likelihood in nats per scored token, and the\n"
             "perplexity, its exponential. For MODEL see 'lte generate --help'.\n",
    .options = options,
    .max_operands = 1,
    .run = run};
