// SPDX-License-Identifier: BSD-2-Clause
// Constant memory, in the long run: a session reads tokens by the ten thousand (with --tokens N,
// any number) and asks for nothing after it was made; the process stays at the same number of
// pages.
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lte.h"
#include "tests/check.h"

// Pieces of more than a batch, which has 256; in any case far more tokens than windows and buffers
// hold, which is 147.
enum { TOKENS = 20000, SLOW_TOKENS = 1000, MOST_AT_ONCE = 300 };

// The C library's memory, counted.
struct account {
    atomic_ullong calls, bytes;
};

static void *count_alloc(void *opaque, size_t size, size_t align)
{
    struct account *a = opaque;
    void *p = NULL;
    atomic_fetch_add(&a->calls, 1);
    atomic_fetch_add(&a->bytes, size);
    if (posix_memalign(&p, align < sizeof p ? sizeof p : align, size))
        return NULL;
    return memset(p, 0x5A, size); // all pages are there at once: what comes later is growth
}

static void count_free(void *opaque, void *pointer, size_t size)
{
    struct account *a = opaque;
    atomic_fetch_sub(&a->bytes, size);
    free(pointer);
}

// Pages of the process that no file backs; -1 where they cannot be told: an emulator has pages of
// its own, a sanitizer's shadow memory grows as it likes. Pages of the mapped weights come and go as
// the system likes.
static long own_pages(void)
{
    long size, resident, shared, pages = -1;
    FILE *file = check_is_sanitized() || check_is_emulated() ? NULL : fopen("/proc/self/statm", "r");
    if (!file)
        return -1;
    if (fscanf(file, "%ld %ld %ld", &size, &resident, &shared) == 3)
        pages = resident - shared;
    fclose(file);
    return pages;
}

struct soak {
    struct account account;
    struct lte_context *context;
    struct lte_model *model;
    struct lte_session *session;
    uint32_t vocabulary;
    uint32_t *tokens;
    float *logits;
};

static void log_line(void *opaque, enum lte_log_level level, const char *message)
{
    (void)opaque, (void)level;
    check_note("%s", message);
}

static bool open_session(struct soak *s, const char *folder)
{
    struct lte_options options;
    struct lte_model_info info;
    lte_options_init(&options);
    options.allocator = (struct lte_allocator){count_alloc, count_free, &s->account};
    options.log = log_line;
    options.threads = 1; // a helper's stack is touched when it first finds work, which may be late
    if (lte_open(&options, &s->context) != LTE_OK ||
        lte_model_load(s->context, folder, &s->model) != LTE_OK ||
        lte_session_new(s->model, NULL, &s->session) != LTE_OK)
        return false;
    lte_model_describe(s->model, &info);
    s->vocabulary = info.vocabulary;
    s->tokens = calloc(MOST_AT_ONCE, sizeof *s->tokens);
    s->logits = calloc(info.vocabulary, sizeof *s->logits);
    return s->tokens && s->logits;
}

static void close_session(struct soak *s)
{
    lte_session_free(s->session);
    lte_model_free(s->model);
    lte_close(s->context);
    free(s->tokens);
    free(s->logits);
}

// Reads `count` tokens in pieces of more than a batch down to one token; whether all went well.
static bool read_tokens(struct soak *s, uint64_t count)
{
    size_t next = MOST_AT_ONCE;
    while (count) {
        size_t n = next;
        next = check_below(4) ? 1 + check_below(MOST_AT_ONCE) : 1;
        if (n > count)
            n = (size_t)count;
        for (size_t i = 0; i < n; i++)
            s->tokens[i] = (uint32_t)check_below(s->vocabulary);
        if (lte_session_feed(s->session, s->tokens, n, LTE_LOGITS_LAST, s->logits) != LTE_OK)
            return false;
        for (uint32_t i = 0; i < s->vocabulary; i++)
            if (!isfinite(s->logits[i]))
                return false;
        count -= n;
    }
    return true;
}

static void check_soak(struct soak *s, uint64_t tokens)
{
    const uint64_t pieces = tokens / MOST_AT_ONCE, legs = pieces < 40 ? pieces / 2 + 1 : 20;
    const uint64_t leg = tokens / legs, warm = tokens - leg * (legs - 1);
    const unsigned long long calls = s->account.calls, bytes = s->account.bytes;
    const double start = check_now();
    bool good = read_tokens(s, warm);
    const long pages = own_pages();
    long most = pages;
    double last = 0, first = check_now();
    for (uint64_t i = 1; i < legs && good; i++) {
        const double begin = check_now();
        good = read_tokens(s, leg);
        last = check_now() - begin;
        if (i == 1)
            first = last;
        const long now = own_pages();
        most = now > most ? now : most;
    }
    check_note("%" PRIu64 " tokens in %.1f s; first leg %.0f, last leg %.0f tokens/s", tokens,
               check_now() - start, (double)leg / first, (double)leg / last);
    check_ok(good && lte_session_position(s->session) == tokens, "every token is read, logits finite");
    check_ok(s->account.calls == calls && s->account.bytes == bytes,
             "nothing is allocated after the session was made (%llu bytes before and after)", bytes);
    if (pages < 0)
        check_skip("its pages cannot be told from others", "the process does not grow");
    else
        check_ok(most == pages, "the process does not grow: %ld pages, then %ld at most", pages, most);
}

int main(int argc, char **argv)
{
    struct soak s = {.session = NULL};
    const bool slow = check_is_slow();
    uint64_t tokens = slow ? SLOW_TOKENS : TOKENS;
    char folder[4096];
    const char *top = getenv("top_srcdir");
    snprintf(folder, sizeof folder, "%s/data/lalte-%s", top ? top : ".", slow ? "needle" : "tiny");
    for (int i = 1; i + 1 < argc; i++) {
        if (!strcmp(argv[i], "--tokens"))
            tokens = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--model"))
            snprintf(folder, sizeof folder, "%s", argv[i + 1]);
    }
    check_begin(argc, argv, "soak");
    if (check_ok(open_session(&s, folder), "a session of %s", folder))
        check_soak(&s, tokens);
    close_session(&s);
    return check_end();
}
