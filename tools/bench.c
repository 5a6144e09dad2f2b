// SPDX-License-Identifier: BSD-2-Clause
// lte bench: how fast a model reads and writes, and the memory the process takes.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/engine.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "tools/number.h"
#include "tools/progress.h"

enum { MAX_POINTS = 16, MAX_REPEATS = 100 };

struct settings {
    struct engine_settings engine;
    uint64_t prefill, decode, repeats;
    const char *positions;
    bool json;
};

#define SETTING(member) .offset = offsetof(struct settings, member)

static const struct option_spec options[] = {
    {.name = "prefill", .kind = OPTION_INTEGER, SETTING(prefill), .argument = "N", .low = 1,
     .high = 1 << 20, .help = "tokens read at once in a timed run (default: 512)"},
    {.name = "decode", .letter = 'n', .kind = OPTION_INTEGER, SETTING(decode), .argument = "N",
     .low = 1, .high = 1 << 20, .help = "tokens made one by one in a timed run (default: 64)"},
    {.name = "at", .kind = OPTION_TEXT, SETTING(positions), .argument = "P[,P...]",
     .help = "positions to time at (default: 0)"},
    {.name = "repeat", .letter = 'r', .kind = OPTION_INTEGER, SETTING(repeats), .argument = "N",
     .low = 1, .high = MAX_REPEATS, .help = "timed runs; the median is printed (default: 5)"},
    {.name = "json", .kind = OPTION_FLAG, SETTING(json), .help = "print one line of JSON"},
    ENGINE_OPTIONS(struct settings),
    SESSION_OPTIONS(struct settings),
    {.name = NULL}};

struct point {
    uint64_t position;
    double prefill, decode; // tokens per second
};

struct bench {
    const struct settings *settings;
    const struct engine *engine;
    struct lte_session *session;
    struct lte_plan plan;
    struct point points[MAX_POINTS];
    size_t count;
    uint32_t *tokens; // [settings->prefill], any ids
    float *logits;    // [vocabulary]
};

static bool read_positions(struct bench *b, const char *list)
{
    char word[32];
    for (;;) {
        const size_t length = strcspn(list, ",");
        if (length >= sizeof word || b->count == MAX_POINTS)
            break;
        memcpy(word, list, length);
        word[length] = 0;
        uint64_t *position = &b->points[b->count].position;
        if (!number_integer(word, position) || *position > UINT64_C(1) << 40)
            break;
        b->count++;
        if (!list[length])
            return true;
        list += length + 1;
    }
    message_error("--at \"%s\": expected up to %d positions, such as 0,1000,50000", list,
                  MAX_POINTS);
    return false;
}

static uint64_t needed_tokens(const struct bench *b)
{
    const struct settings *s = b->settings;
    uint64_t last = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->points[i].position > last)
            last = b->points[i].position;
    return last + s->repeats * (s->prefill + s->decode);
}

static int feed(struct bench *b, size_t count, enum lte_logits want)
{
    if (interrupted())
        return STATUS_INTERRUPTED;
    const enum lte_status status =
        lte_session_feed(b->session, b->tokens, count, want, want ? b->logits : NULL);
    return status == LTE_OK ? STATUS_OK : message_failed("cannot read tokens", status);
}

static int go_to(struct bench *b, uint64_t position)
{
    int status = STATUS_OK;
    lte_session_reset(b->session);
    for (uint64_t left = position; left && status == STATUS_OK;) {
        const uint64_t n = left < b->settings->prefill ? left : b->settings->prefill;
        status = feed(b, (size_t)n, LTE_LOGITS_NONE);
        left -= n;
    }
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

// Each run goes on where the last one ended, except at position 0, where starting again is free.
static int time_prefill(struct bench *b, struct point *point)
{
    const struct settings *s = b->settings;
    double seconds[MAX_REPEATS];
    for (uint64_t r = 0; r < s->repeats; r++) {
        if (!point->position)
            lte_session_reset(b->session);
        const double started = seconds_now();
        const int status = feed(b, (size_t)s->prefill, LTE_LOGITS_LAST);
        if (status != STATUS_OK)
            return status;
        seconds[r] = seconds_now() - started;
    }
    point->prefill = (double)s->prefill / median(seconds, (size_t)s->repeats);
    return STATUS_OK;
}

static int time_decode(struct bench *b, struct point *point)
{
    const struct settings *s = b->settings;
    double seconds[MAX_REPEATS];
    for (uint64_t r = 0; r < s->repeats; r++) {
        const double started = seconds_now();
        for (uint64_t n = 0; n < s->decode; n++) {
            const int status = feed(b, 1, LTE_LOGITS_LAST);
            if (status != STATUS_OK)
                return status;
        }
        seconds[r] = seconds_now() - started;
    }
    point->decode = (double)s->decode / median(seconds, (size_t)s->repeats);
    return STATUS_OK;
}

static int time_points(struct bench *b)
{
    int status = feed(b, 1, LTE_LOGITS_LAST); // brings the weights into memory
    for (size_t i = 0; i < b->count && status == STATUS_OK; i++) {
        status = go_to(b, b->points[i].position);
        if (status == STATUS_OK)
            status = time_prefill(b, &b->points[i]);
        if (status == STATUS_OK)
            status = time_decode(b, &b->points[i]);
    }
    return status;
}

static unsigned long long peak_rss(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage))
        return 0;
#ifdef __APPLE__
    return (unsigned long long)usage.ru_maxrss;
#else
    return (unsigned long long)usage.ru_maxrss * 1024;
#endif
}

static void print_json_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_json(const struct bench *b)
{
    const struct settings *s = b->settings;
    const struct lte_model_info *info = &b->engine->info;
    const struct lte_session_params params = engine_session_params(&s->engine, 0);
    printf("{\"model\":");
    print_json_string(b->engine->folder);
    printf(",\"family\":");
    print_json_string(info->family);
    printf(",\"parameters\":%llu,\"weight_bytes\":%llu,\"cpu\":\"%s\",\"threads\":%u",
           (unsigned long long)info->parameters, (unsigned long long)info->weight_bytes,
           lte_context_cpu(b->engine->context), lte_context_threads(b->engine->context));
    printf(",\"kv\":\"%s\",\"batch\":%u,\"state_bytes\":%llu,\"session_bytes\":%llu",
           lte_dtype_name(params.kv_dtype), (unsigned)params.batch,
           (unsigned long long)b->plan.state, (unsigned long long)b->plan.session);
    printf(",\"peak_rss_bytes\":%llu,\"prefill_tokens\":%llu,\"decode_tokens\":%llu,\"repeats\":%llu",
           peak_rss(), (unsigned long long)s->prefill, (unsigned long long)s->decode,
           (unsigned long long)s->repeats);
    printf(",\"results\":[");
    for (size_t i = 0; i < b->count; i++)
        printf("%s{\"position\":%llu,\"prefill_tokens_per_s\":%.3f,\"decode_tokens_per_s\":%.3f}",
               i ? "," : "", (unsigned long long)b->points[i].position, b->points[i].prefill,
               b->points[i].decode);
    printf("]}\n");
}

static void print_table(const struct bench *b)
{
    const struct settings *s = b->settings;
    printf("model     %s\n", b->engine->folder);
    printf("weights   %llu bytes\n", (unsigned long long)b->engine->info.weight_bytes);
    printf("state     %llu bytes\n", (unsigned long long)b->plan.state);
    printf("peak RSS  %llu bytes\n", peak_rss());
    printf("kernels   %s, %u threads; medians of %llu\n\n", lte_context_cpu(b->engine->context),
           lte_context_threads(b->engine->context), (unsigned long long)s->repeats);
    printf("  position  prefill %5llu, tokens/s  decode %5llu, tokens/s\n",
           (unsigned long long)s->prefill, (unsigned long long)s->decode);
    for (size_t i = 0; i < b->count; i++)
        printf("%10llu  %23.2f  %22.2f\n", (unsigned long long)b->points[i].position,
               b->points[i].prefill, b->points[i].decode);
}

static int make_buffers(struct bench *b)
{
    const uint32_t vocabulary = b->engine->info.vocabulary;
    b->tokens = malloc((size_t)b->settings->prefill * sizeof *b->tokens);
    b->logits = malloc(vocabulary * sizeof *b->logits);
    if (!b->tokens || !b->logits) {
        message_error("out of memory");
        return STATUS_FAILED;
    }
    uint32_t x = 1;
    for (uint64_t i = 0; i < b->settings->prefill; i++) {
        x = x * UINT32_C(1664525) + UINT32_C(1013904223);
        b->tokens[i] = (x >> 8) % vocabulary;
    }
    return STATUS_OK;
}

static int bench(struct bench *b)
{
    int status =
        engine_session(b->engine, &b->settings->engine, needed_tokens(b), &b->session, &b->plan);
    if (status == STATUS_OK)
        status = make_buffers(b);
    if (status == STATUS_OK)
        status = time_points(b);
    if (status == STATUS_OK)
        (b->settings->json ? print_json : print_table)(b);
    free(b->logits);
    free(b->tokens);
    lte_session_free(b->session);
    return status;
}

static int run(int argc, char **argv)
{
    struct settings s = {.prefill = 512, .decode = 64, .repeats = 5, .positions = "0"};
    const char *folder;
    int status;
    if (!options_parse(&bench_command, &s, argc, argv, &folder, &status))
        return status;
    struct engine engine = {0};
    struct bench b = {.settings = &s, .engine = &engine};
    if (!read_positions(&b, s.positions))
        return STATUS_USAGE;
    interrupt_catch();
    status = engine_open(&engine, &s.engine, folder);
    if (status == STATUS_OK)
        status = bench(&b);
    engine_close(&engine);
    return status;
}

const struct command bench_command = {
    .name = "bench",
    .summary = "measure speed and memory",
    .operands = "[MODEL]",
    .about = "At each position asked for, times reading tokens all at once (prefill) and then making\n"
             "tokens one by one (decode), and prints the medians and the largest memory that the\n"
             "process has taken. For MODEL see 'lte generate --help'.\n",
    .options = options,
    .max_operands = 1,
    .run = run};
