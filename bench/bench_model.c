// SPDX-License-Identifier: BSD-2-Clause
// A whole model: prefill and decode with one thread and with all, early and late in a sequence,
// against the time that reading its weights and states from RAM must take.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bench/roof.h"
#include "lib/graph.h"
#include "lib/model.h"
#include "lib/op.h"
#include "lib/session.h"
#include "lte.h"

enum { PROMPT = 512, LATE = 50000 };
// Before windows and buffers are full, soon after, and long after.
static const uint64_t positions[] = {100, 2000, LATE};

struct run {
    struct lte_context *context;
    struct lte_context *other; // its team climbs to the roof: the model's own is busy decoding
    struct lte_model *model;
    struct lte_session *session;
    struct lte_model_info info;
    uint32_t *prompt;
    float *logits;
    double bytes;           // that a token must read or write, where it stands
    enum roof roof;         // of the level of memory that holds them
    double seconds, height; // of a decoded token; of that roof
};

static void must(enum lte_status status, const char *what)
{
    if (status == LTE_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, lte_status_text(status));
    exit(1);
}

static void feed(struct run *r, size_t count)
{
    must(lte_session_feed(r->session, r->prompt, count, LTE_LOGITS_LAST, r->logits), "feed");
}

static void prefill(void *arg)
{
    struct run *r = arg;
    lte_session_reset(r->session);
    feed(r, PROMPT);
}

static void decode(void *arg)
{
    feed(arg, 1);
}

// What the ops count for the next token: weights once, states as they are read and written.
static double touched(const struct run *r)
{
    const struct lte_graph *graph = r->model->graph;
    struct lte_cost cost = {0};
    for (size_t i = 0; i < graph->ops; i++) {
        const struct lte_op *op = &graph->op[i];
        if (lte_op_table[op->kind]->cost)
            lte_op_table[op->kind]->cost(op, &r->session->params,
                                        lte_session_position(r->session), 1, &cost);
    }
    return cost.weight_bytes + cost.state_bytes;
}

static void open_model(struct run *r, unsigned threads, const char *folder)
{
    struct lte_session_params params;
    bench_options.threads = threads;
    r->context = bench_open();
    r->other = bench_open();
    must(lte_model_load(r->context, folder, &r->model), folder);
    lte_session_params_init(&params);
    params.max_tokens = 2 * LATE;
    must(lte_session_new(r->model, &params, &r->session), "session");
    lte_model_describe(r->model, &r->info);
    r->prompt = bench_alloc(PROMPT * sizeof *r->prompt);
    r->logits = bench_alloc(r->info.vocabulary * sizeof *r->logits);
    for (uint32_t i = 0; i < PROMPT; i++)
        r->prompt[i] = i * 37 % r->info.vocabulary;
}

static void close_model(struct run *r)
{
    lte_session_free(r->session);
    lte_model_free(r->model);
    lte_close(r->other);
    lte_close(r->context);
    bench_free_all();
}

static void time_decode(struct lte_par *team, void *arg)
{
    struct run *r = arg;
    struct bench_task task = {decode, r, 0};
    r->roof = roof_for(team, (size_t)r->bytes, false);
    r->height = roof_time(team, lte_context_cpu(r->context), r->roof, &task, 1);
    r->seconds = task.seconds;
}

static void print(const struct run *r, const char *op, const char *shape, double tokens,
                  double seconds, bool bound)
{
    struct bench_row row = {.op = op, .shape = shape, .isa = lte_context_cpu(r->context),
                            .threads = lte_context_threads(r->context), .tokens = tokens,
                            .seconds = seconds, .bytes = bound ? r->bytes : 0};
    if (bound)
        roof_set(&row, r->roof, r->height);
    bench_print(&row);
}

static void skip_to(struct run *r, uint64_t position)
{
    while (lte_session_position(r->session) < position) {
        const uint64_t left = position - lte_session_position(r->session);
        feed(r, left < PROMPT ? (size_t)left : PROMPT);
    }
}

static void run_decode(struct run *r, uint64_t position)
{
    char shape[48];
    snprintf(shape, sizeof shape, "at %llu", (unsigned long long)position);
    if (!bench_wanted("decode", shape) || (position == LATE && bench_options.quick))
        return;
    skip_to(r, position);
    r->bytes = touched(r);
    lte_par_run(r->other->par, time_decode, r);
    print(r, "decode", shape, 1, r->seconds, true);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

// Before anything else has taken memory.
static void print_memory(const struct run *r)
{
    if (bench_options.json)
        printf("{\"op\":\"memory\",\"weight_bytes\":%llu,\"touched_bytes\":%.0f,"
               "\"peak_resident_kib\":%ld}\n",
               (unsigned long long)r->info.weight_bytes, r->bytes, peak_kib());
    else
        printf("weights %.1f MiB, touched by a token %.1f MiB, peak resident %.1f MiB\n",
               (double)r->info.weight_bytes / (1 << 20), r->bytes / (1 << 20),
               (double)peak_kib() / 1024);
}

static void run_threads(unsigned threads)
{
    struct run r = {.seconds = 0};
    open_model(&r, threads, bench_options.rest);
    bench_cpu_time(threads == 1); // it never waits, and what neighbours take is not counted
    char shape[48];
    snprintf(shape, sizeof shape, "n%d", PROMPT);
    if (bench_wanted("prefill", shape)) {
        struct bench_task task = {prefill, &r, 0};
        bench_time(&task, 1);
        print(&r, "prefill", shape, PROMPT, task.seconds, false);
    }
    if (threads == 1) {
        skip_to(&r, 2 * PROMPT);
        r.bytes = touched(&r);
        print_memory(&r);
    }
    lte_session_reset(r.session);
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++)
        run_decode(&r, positions[i]);
    close_model(&r);
}

int main(int argc, char **argv)
{
    bench_begin(argc, argv, "A model's prefill and decode against the bandwidth of RAM.", "MODEL");
    if (!bench_options.rest) {
        fprintf(stderr, "which model folder?\n");
        return 2;
    }
    const unsigned most = lte_par_threads(bench_options.threads);
    bench_title("Model %s", bench_options.rest);
    run_threads(1);
    if (most > 1)
        run_threads(most);
    return 0;
}
