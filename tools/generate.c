// SPDX-License-Identifier: BSD-2-Clause
// lte generate: continue a text.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/engine.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/output.h"
#include "tools/progress.h"

struct settings {
    struct engine_settings engine;
    const char *prompt, *file;
    uint64_t count;
    float temperature, top_p, min_p, penalty;
    uint64_t top_k, seed;
    bool special, ignore_eos, stats;
};

#define SETTING(member) .offset = offsetof(struct settings, member)

static const struct option_spec options[] = {
    {.name = "prompt", .letter = 'p', .kind = OPTION_TEXT, SETTING(prompt), .argument = "TEXT",
     .help = "continue TEXT"},
    {.name = "file", .letter = 'f', .kind = OPTION_TEXT, SETTING(file), .argument = "FILE",
     .help = "continue the text in FILE; - is standard input"},
    {.name = "count", .letter = 'n', .kind = OPTION_INTEGER, SETTING(count), .argument = "N",
     .low = 0, .high = UINT64_C(1) << 40, .help = "tokens to write (default: 128)"},
    {.name = "temp", .kind = OPTION_REAL, SETTING(temperature), .argument = "T", .real_low = 0,
     .real_high = 1000, .help = "temperature; 0, the default, takes the likeliest token"},
    {.name = "top-k", .kind = OPTION_INTEGER, SETTING(top_k), .argument = "K", .low = 0,
     .high = UINT32_MAX, .help = "draw from the K likeliest tokens (0, the default: all)"},
    {.name = "top-p", .kind = OPTION_REAL, SETTING(top_p), .argument = "P", .real_low = 0,
     .above = true, .real_high = 1,
     .help = "draw from the fewest tokens whose probabilities reach P\n(default: 1, all)"},
    {.name = "min-p", .kind = OPTION_REAL, SETTING(min_p), .argument = "P", .real_low = 0,
     .real_high = 1,
     .help = "drop tokens less likely than P times the likeliest\n(default: 0, none)"},
    {.name = "repeat-penalty", .kind = OPTION_REAL, SETTING(penalty), .argument = "P",
     .real_low = 0, .above = true, .real_high = 1000,
     .help = "divide the logits of the last 64 tokens by P\n(default: 1, off)"},
    {.name = "seed", .kind = OPTION_INTEGER, SETTING(seed), .argument = "S", .low = 0,
     .high = UINT64_MAX, .help = "the same seed draws the same text (default: 0)"},
    {.name = "special", .kind = OPTION_FLAG, SETTING(special),
     .help = "recognise special tokens spelled out in the prompt"},
    {.name = "ignore-eos", .kind = OPTION_FLAG, SETTING(ignore_eos),
     .help = "do not stop at the end-of-sequence token"},
    {.name = "stats", .kind = OPTION_FLAG, SETTING(stats),
     .help = "print speed and memory to standard error at the end"},
    ENGINE_OPTIONS(struct settings),
    SESSION_OPTIONS(struct settings),
    {.name = NULL}};

struct generation {
    const struct settings *settings;
    const struct engine *engine;
    const struct lte_tokenizer *tokenizer;
    const struct tokens *prompt;
    struct lte_session *session;
    struct lte_plan plan;
    struct lte_sampler *sampler;
    float *logits;                    // [vocabulary]
    struct lte_candidate *candidates; // [count]
    uint32_t count;                   // that the sampler needs; 0: it needs all logits
    char *piece;                      // room for what one token can print
    size_t piece_size;
    double prompt_seconds, decode_seconds;
    uint64_t prompt_read;    // all of the prompt, or less after Ctrl-C
    uint64_t written, steps; // tokens printed; tokens computed to go on from them
};

// Ids above the tokenizer's are padding of the output head and have no text.
static uint32_t printable_ids(const struct generation *g)
{
    const uint32_t size = lte_tokenizer_size(g->tokenizer);
    return size < g->engine->info.vocabulary ? size : g->engine->info.vocabulary;
}

static int make_sampler(struct generation *g)
{
    const struct settings *s = g->settings;
    struct lte_sampler_params params;
    lte_sampler_params_init(&params);
    params.temperature = s->temperature;
    params.top_k = (uint32_t)s->top_k;
    params.top_p = s->top_p;
    params.min_p = s->min_p;
    params.repetition_penalty = s->penalty;
    params.seed = s->seed;
    const uint32_t ids = printable_ids(g);
    const enum lte_status status =
        lte_sampler_new(g->engine->context, ids, &params, &g->sampler);
    if (status != LTE_OK)
        return message_failed("cannot make a sampler", status);
    for (size_t i = 0; i < g->prompt->count; i++)
        if (g->prompt->ids[i] < ids)
            lte_sampler_accept(g->sampler, g->prompt->ids[i]);
    g->count = lte_sampler_candidates(g->sampler);
    return STATUS_OK;
}

static int make_buffers(struct generation *g)
{
    g->piece_size = lte_stream_capacity(g->tokenizer);
    g->piece = malloc(g->piece_size);
    g->logits = malloc(g->engine->info.vocabulary * sizeof *g->logits);
    g->candidates = malloc((g->count + 1) * sizeof *g->candidates);
    if (g->piece && g->logits && g->candidates)
        return STATUS_OK;
    message_error("out of memory");
    return STATUS_FAILED;
}

static int read_prompt(struct generation *g)
{
    struct progress progress;
    progress_begin(&progress);
    lte_session_set_progress(g->session, progress_update, &progress);
    const bool wanted = g->settings->count > 0;
    const enum lte_status status =
        lte_session_feed(g->session, g->prompt->ids, g->prompt->count,
                         wanted ? LTE_LOGITS_LAST : LTE_LOGITS_NONE, wanted ? g->logits : NULL);
    lte_session_set_progress(g->session, NULL, NULL);
    progress_end(&progress);
    g->prompt_seconds = seconds_now() - progress.started;
    g->prompt_read = lte_session_position(g->session);
    if (status == LTE_ERR_CANCELLED)
        return STATUS_INTERRUPTED;
    return status == LTE_OK ? STATUS_OK : message_failed("cannot read the prompt", status);
}

static int emit(struct generation *g, struct lte_stream *stream, uint32_t token)
{
    size_t length;
    const enum lte_status status =
        lte_stream_put(stream, token, g->piece, g->piece_size, &length);
    if (status != LTE_OK)
        return message_failed("cannot decode a token", status);
    g->written++;
    return output_write(g->piece, length) ? STATUS_OK : STATUS_FAILED;
}

// Reads a token and chooses the next one. If the largest logits are enough, the others stay on the
// device; if one is, that does too.
static int next_token(struct generation *g, uint32_t *token)
{
    const uint32_t ids = printable_ids(g);
    enum lte_status status;
    if (g->count == 1)
        status = lte_session_step_greedy(&g->session, 1, token, ids, g->logits, token);
    else if (g->count)
        status = lte_session_step_candidates(&g->session, 1, token, ids, g->count, g->logits,
                                             g->candidates);
    else
        status = lte_session_step(&g->session, 1, token, g->logits);
    if (status != LTE_OK)
        return message_failed("cannot compute a token", status);
    g->steps++;
    if (g->count == 1)
        status = *token == LTE_NO_TOKEN ? LTE_ERR_ARGUMENT : LTE_OK;
    else if (g->count)
        status = lte_sampler_sample_candidates(g->sampler, g->candidates, g->count, token);
    else
        status = lte_sampler_sample(g->sampler, g->logits, token);
    return status == LTE_OK ? STATUS_OK : message_failed("cannot choose a token", status);
}

static int decode(struct generation *g, struct lte_stream *stream)
{
    const struct settings *s = g->settings;
    const int32_t eos = s->ignore_eos ? -1 : g->engine->info.eos;
    uint32_t token;
    if (!s->count || interrupted())
        return STATUS_OK;
    const enum lte_status status = lte_sampler_sample(g->sampler, g->logits, &token);
    if (status != LTE_OK)
        return message_failed("cannot choose a token", status);
    while (!interrupted()) {
        if (eos >= 0 && token == (uint32_t)eos)
            break;
        int result = emit(g, stream, token);
        if (result != STATUS_OK || g->written == s->count)
            return result;
        result = next_token(g, &token);
        if (result != STATUS_OK)
            return result;
    }
    return STATUS_OK;
}

// Ends the text also after Ctrl-C and errors, so that what was held back is not lost.
static int write_text(struct generation *g)
{
    struct lte_stream stream;
    lte_stream_init(&stream, g->tokenizer, 0);
    const double started = seconds_now();
    int result = decode(g, &stream);
    g->decode_seconds = seconds_now() - started;
    size_t length = 0;
    if (result == STATUS_OK &&
        lte_stream_end(&stream, g->piece, g->piece_size, &length) == LTE_OK &&
        !output_write(g->piece, length))
        result = STATUS_FAILED;
    if (isatty(STDOUT_FILENO) && !output_write("\n", 1))
        result = STATUS_FAILED;
    return interrupted() ? STATUS_INTERRUPTED : result;
}

static double rate(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static void print_stats(const struct generation *g)
{
    // The text seldom ends its last line.
    if (output_is_error() && !isatty(STDOUT_FILENO))
        fputc('\n', stderr);
    fprintf(stderr,
            "prompt: %llu tokens, %.1f tokens/s; generated: %llu tokens, %.1f tokens/s; "
            "state: %llu bytes, ",
            (unsigned long long)g->prompt_read, rate(g->prompt_read, g->prompt_seconds),
            (unsigned long long)g->written, rate(g->steps, g->decode_seconds),
            (unsigned long long)g->plan.state);
    if (g->plan.growing)
        fprintf(stderr, "for up to %llu tokens", (unsigned long long)g->plan.max_tokens);
    else
        fprintf(stderr, "constant");
    if (g->plan.full_cache)
        fprintf(stderr, " (%llu in full attention caches)",
                (unsigned long long)g->plan.full_cache);
    fputc('\n', stderr);
}

static int generate(struct generation *g)
{
    int status = engine_session(g->engine, &g->settings->engine,
                                g->prompt->count + g->settings->count, &g->session, &g->plan);
    if (status == STATUS_OK)
        status = make_sampler(g);
    if (status == STATUS_OK)
        status = make_buffers(g);
    if (status == STATUS_OK)
        status = read_prompt(g);
    if (status == STATUS_OK)
        status = write_text(g);
    if (g->settings->stats && (status == STATUS_OK || status == STATUS_INTERRUPTED))
        print_stats(g);
    free(g->candidates);
    free(g->logits);
    free(g->piece);
    lte_sampler_free(g->sampler);
    lte_session_free(g->session);
    return status;
}

// The tokenizer's template may have put a beginning-of-sequence token before nothing.
static int check_prompt(const struct tokens *tokens)
{
    if (tokens->count)
        return STATUS_OK;
    message_error("the prompt is empty and this model has no token to begin from: "
                  "give some text with -p or -f");
    return STATUS_USAGE;
}

static int run(int argc, char **argv)
{
    struct settings s = {.count = 128, .top_p = 1, .penalty = 1};
    const char *folder;
    int status;
    if (!options_parse(&generate_command, &s, argc, argv, &folder, &status))
        return status;
    if (s.temperature == 0 && (s.top_k || s.top_p < 1 || s.min_p > 0))
        message_warning("--top-k, --top-p and --min-p do nothing without --temp");
    struct engine engine = {0};
    struct tokens tokens = {0};
    struct generation g = {.settings = &s, .engine = &engine, .prompt = &tokens};
    interrupt_catch();
    status = engine_read(&engine, &s.engine, folder, s.prompt, s.file, s.special, &tokens);
    if (status == STATUS_OK)
        status = check_prompt(&tokens);
    if (status == STATUS_OK) {
        g.tokenizer = lte_model_tokenizer(engine.model);
        status = generate(&g);
    }
    tokens_free(&tokens);
    engine_close(&engine);
    return status;
}

const struct command generate_command = {
    .name = "generate",
    .summary = "continue a text",
    .operands = "[MODEL] [-p TEXT | -f FILE]",
    .about = "Writes the continuation of a text, and nothing else, to standard output, token by\n"
             "token. MODEL is a folder with config.json, model.safetensors and tokenizer.json;\n"
             "without it: the folder in the environment variable LTE_MODEL, or the model that was\n"
             "shipped with the program. Ctrl-C ends the text after the current token.\n",
    .options = options,
    .max_operands = 1,
    .run = run};
