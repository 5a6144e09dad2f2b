// SPDX-License-Identifier: BSD-2-Clause
// A model on a Vulkan device: tokens a second, prompt and decode, one sequence and eight; and the
// time of every kind of op, by the device's clock, against what the device can read and multiply; and
// of every kernel. Decoding is greedy; and sampled, from the largest logits and from all.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/vulkan_roof.h"
#include "bench/bench.h"
#include "lib/graph.h"
#include "lib/model.h"
#include "lib/op.h"
#include "lib/session.h"
#include "lib/vk/run.h"
#include "lte.h"

enum { MOST = 8, LARGEST = 4096 /* batch */, REPEAT = 5, TOP_K = 40 };
enum work { PREFILL, DECODE, SAMPLE, SAMPLE_ALL };
static const char *const work_name[] = {"prefill", "decode", "sample", "from all"};

struct bench {
    struct lte_context *context;
    struct lte_vk_device *device;
    struct lte_model *model;
    struct lte_session *session[MOST];
    struct vulkan_roof roof;
    size_t prompt, batch, decode; // tokens; of a prompt a batch at a time
    uint32_t *tokens;
    float *logits;
    struct lte_sampler *sampler; // with top-k
    struct lte_candidate *candidates;
    uint32_t count;              // of candidates
};

static void must(enum lte_status status, const char *what)
{
    if (status == LTE_OK)
        return;
    fprintf(stderr, "bench_vulkan: %s: %s\n", what, lte_status_text(status));
    exit(1);
}

static void log_line(void *opaque, enum lte_log_level level, const char *message)
{
    (void)opaque, (void)level;
    fprintf(stderr, "bench_vulkan: %s\n", message);
}

static struct lte_vk_session *on_device(struct lte_session *s)
{
    return (struct lte_vk_session *)(void *)s->device;
}

static void open_model(struct bench *b)
{
    struct lte_options o;
    struct lte_session_params p;
    lte_options_init(&o);
    o.device = LTE_DEVICE_VULKAN;
    o.log = log_line;
    must(lte_open(&o, &b->context), "the context");
    b->device = (struct lte_vk_device *)(void *)b->context->device;
    must(b->device ? LTE_OK : LTE_ERR_UNSUPPORTED, "a Vulkan device");
    must(lte_model_load(b->context, bench_options.rest, &b->model), bench_options.rest);
    must(b->model->program ? LTE_OK : LTE_ERR_UNSUPPORTED, "the model on the device");
    lte_session_params_init(&p);
    p.batch = b->batch;
    p.max_tokens = b->prompt + b->decode + REPEAT + 1;
    for (size_t i = 0; i < MOST; i++)
        must(lte_session_new(b->model, &p, &b->session[i]), "a session");
    b->tokens = bench_alloc(b->prompt * sizeof *b->tokens);
    b->logits = bench_alloc(MOST * (size_t)b->model->vocabulary * sizeof *b->logits);
    for (size_t i = 0; i < b->prompt; i++)
        b->tokens[i] = (uint32_t)(i * 37 % b->model->vocabulary);
}

static void open_sampler(struct bench *b)
{
    struct lte_sampler_params p;
    lte_sampler_params_init(&p);
    p.temperature = 0.8f;
    p.top_k = TOP_K;
    must(lte_sampler_new(b->context, b->model->vocabulary, &p, &b->sampler), "a sampler");
    b->count = lte_sampler_candidates(b->sampler);
    b->candidates = bench_alloc(MOST * (size_t)b->count * sizeof *b->candidates);
}

static void read_prompt(struct bench *b, size_t sequences)
{
    for (size_t i = 0; i < sequences; i++)
        must(lte_session_feed(b->session[i], b->tokens, b->prompt, LTE_LOGITS_LAST, b->logits), "feed");
}

static void sample(struct bench *b, size_t sequences, enum work work, uint32_t *next)
{
    const uint32_t v = b->model->vocabulary;
    must(work == SAMPLE ? lte_session_step_candidates(b->session, sequences, next, v, b->count,
                                                      b->logits, b->candidates)
                        : lte_session_step(b->session, sequences, next, b->logits),
         "step");
    for (size_t i = 0; i < sequences; i++)
        must(work == SAMPLE ? lte_sampler_sample_candidates(
                                  b->sampler, b->candidates + i * b->count, b->count, &next[i])
                            : lte_sampler_sample(b->sampler, b->logits + i * v, &next[i]),
             "sample");
}

static void step(struct bench *b, size_t sequences, enum work work, uint32_t *next)
{
    if (work == DECODE)
        must(lte_session_step_greedy(b->session, sequences, next, b->model->vocabulary, b->logits,
                                     next),
             "step");
    else
        sample(b, sequences, work, next);
}

static void print_rate(const char *what, size_t sequences, size_t tokens, double seconds)
{
    const double rate = (double)(tokens * sequences) / seconds;
    if (bench_options.json)
        printf("{\"op\": \"%s\", \"sequences\": %zu, \"tokens_per_second\": %.6g}\n", what, sequences, rate);
    else
        printf("%-8s %zu sequences: %12.1f tokens/s\n", what, sequences, rate);
}

// The second time round, when pipelines are compiled and steps recorded. Of sampled steps the first
// does that, and is not counted.
static void rates(struct bench *b, size_t sequences, enum work work)
{
    for (int round = work == DECODE ? 0 : 1; round < 2; round++) {
        uint32_t next[MOST] = {0};
        for (size_t i = 0; i < sequences; i++)
            lte_session_reset(b->session[i]);
        double from = bench_now();
        read_prompt(b, sequences);
        if (round && work == DECODE)
            print_rate("prefill", sequences, b->prompt, bench_now() - from);
        step(b, sequences, work, next);
        from = bench_now();
        for (size_t i = 0; i < b->decode; i++)
            step(b, sequences, work, next);
        if (round)
            print_rate(work_name[work], sequences, b->decode, bench_now() - from);
    }
}

// Adds the seconds of every part of the step that ran last to those of its kind.
static void add_times(const struct bench *b, const struct lte_vk_stamps *t, double *op, double *kernel)
{
    const struct lte_graph *g = b->model->graph;
    uint64_t *time = bench_alloc(t->used * sizeof *time);
    must(lte_vk_result(b->device,
                       b->device->api.GetQueryPoolResults(
                           b->device->handle, t->pool, 0, t->used, t->used * sizeof *time, time,
                           sizeof *time, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                       "vkGetQueryPoolResults"),
         "times");
    for (size_t i = 1; i < t->used; i++) {
        const double took = (double)(time[i] - time[i - 1]) * vulkan_tick(b->device) / REPEAT;
        op[g->op[t->at[i].op].kind] += took;
        kernel[t->at[i].kernel] += took;
    }
    bench_free(time);
}

static void print_op(const struct bench *b, const char *what, size_t sequences, const char *name,
                     double seconds, double flops, double bytes)
{
    const double gbs = bytes / seconds * 1e-9, gflops = flops / seconds * 1e-9;
    if (bench_options.json)
        printf("{\"op\": \"%s\", \"step\": \"%s\", \"sequences\": %zu, \"us\": %.6g, \"gbs\": %.6g, "
               "\"gflops\": %.6g, \"read_gbs\": %.6g, \"fma_gflops\": %.6g}\n",
               name, what, sequences, seconds * 1e6, gbs, gflops, b->roof.read, b->roof.gflops);
    else
        printf("  %-24s %10.1f us  %9.1f GB/s %5.1f %%  %10.1f GFLOP/s %5.1f %%\n", name,
               seconds * 1e6, gbs, 100 * gbs / b->roof.read, gflops, 100 * gflops / b->roof.gflops);
}

// What the ops count, by kind, then all of them.
static void print_ops(const struct bench *b, const char *what, size_t sequences, size_t rows,
                      uint64_t position, const double *seconds)
{
    const struct lte_graph *g = b->model->graph;
    struct lte_cost all = {0};
    double whole = 0;
    for (int kind = 0; kind < LTE_OPS; kind++) {
        struct lte_cost cost = {0};
        const struct lte_op_row *row = lte_op_table[kind];
        for (size_t i = 0; i < g->ops; i++)
            if (g->op[i].kind == (enum lte_op_kind)kind && row->cost)
                row->cost(&g->op[i], &b->session[0]->params, position, rows, &cost);
        cost.state_bytes *= (double)sequences;
        cost.flops *= (double)sequences;
        if (seconds[kind] > 0)
            print_op(b, what, sequences, row->name, seconds[kind], cost.flops,
                     cost.weight_bytes + cost.state_bytes);
        whole += seconds[kind];
        all.flops += cost.flops;
        all.weight_bytes += cost.weight_bytes + cost.state_bytes;
    }
    print_op(b, what, sequences, "all", whole, all.flops, all.weight_bytes);
}

static void print_kernels(const char *what, size_t sequences, const double *seconds, const size_t *calls)
{
    for (int kernel = 0; kernel < LTE_VK_KERNEL_COUNT; kernel++)
        if (!calls[kernel])
            continue;
        else if (bench_options.json)
            printf("{\"kernel\": \"%s\", \"step\": \"%s\", \"sequences\": %zu, \"us\": %.6g, "
                   "\"calls\": %zu}\n",
                   lte_vk_kernels[kernel].name, what, sequences, seconds[kernel] * 1e6, calls[kernel]);
        else
            printf("  %-24s %10.1f us of %4zu calls, %8.2f us each\n", lte_vk_kernels[kernel].name,
                   seconds[kernel] * 1e6, calls[kernel], seconds[kernel] * 1e6 / (double)calls[kernel]);
}

// Of the last piece of the prompt, or of steps after it: every op, or every call alone.
static void parts(struct bench *b, size_t sequences, enum work work, bool calls)
{
    const bool decode = work != PREFILL;
    const size_t rows = decode ? 1 : b->batch, room = calls ? 8192 : b->model->graph->ops + 1;
    const char *what = work_name[work];
    double op[LTE_OPS] = {0}, kernel[LTE_VK_KERNEL_COUNT] = {0};
    size_t count[LTE_VK_KERNEL_COUNT] = {0};
    uint32_t next[MOST] = {0};
    struct lte_vk_stamps t = {.pool = vulkan_times(b->device, (uint32_t)room),
                              .calls = calls,
                              .room = (uint32_t)room,
                              .at = bench_alloc(room * sizeof *t.at)};
    for (size_t i = 0; i < sequences; i++)
        lte_session_reset(b->session[i]);
    read_prompt(b, decode ? sequences : 1);
    on_device(b->session[0])->stamps = &t;
    lte_vk_forget(on_device(b->session[0]));
    for (int i = -1; i < REPEAT; i++) { // the first records
        if (decode) {
            step(b, sequences, work, next);
        } else {
            lte_session_reset(b->session[0]);
            read_prompt(b, 1);
        }
        if (i >= 0)
            add_times(b, &t, op, kernel);
    }
    for (size_t i = 1; i < t.used; i++)
        if (work != SAMPLE || t.at[i].kernel == LTE_VK_candidates) // all else is as in decoding
            count[t.at[i].kernel]++;
    if (calls)
        print_kernels(what, sequences, kernel, count);
    else
        print_ops(b, what, sequences, rows, lte_session_position(b->session[0]) - rows, op);
    on_device(b->session[0])->stamps = NULL;
    lte_vk_forget(on_device(b->session[0]));
    b->device->api.DestroyQueryPool(b->device->handle, t.pool, NULL);
    bench_free(t.at);
}

static void ops(struct bench *b, size_t sequences, enum work work)
{
    if (!bench_options.json)
        printf("%s, %zu sequences, %zu tokens each:\n", work_name[work], sequences,
               work == PREFILL ? b->batch : 1);
    if (work != SAMPLE)
        parts(b, sequences, work, false);
    parts(b, sequences, work, true);
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    bench_begin(argc, argv, "a model on a Vulkan device", "MODEL");
    if (!bench_options.rest) {
        fprintf(stderr, "bench_vulkan: a model's folder is wanted\n");
        return 2;
    }
    b.prompt = bench_options.tokens ? bench_options.tokens : bench_options.quick ? 48 : 4096;
    const size_t most = bench_options.tokens ? LARGEST : 1024;
    b.batch = b.prompt < most ? b.prompt : most;
    b.decode = bench_options.quick ? 4 : 256;
    open_model(&b);
    b.roof = vulkan_roof(b.device, bench_options.quick);
    if (!bench_options.json)
        printf("%s: reads %.1f GB/s, copies %.1f GB/s, multiplies and adds %.1f GFLOP/s\n",
               lte_vk_device_name(b.device), b.roof.read, b.roof.copy, b.roof.gflops);
    open_sampler(&b);
    for (size_t sequences = 1; sequences <= MOST; sequences += MOST - 1)
        for (int work = DECODE; work <= SAMPLE_ALL; work++)
            rates(&b, sequences, (enum work)work);
    ops(&b, 1, PREFILL);
    for (size_t sequences = 1; sequences <= MOST; sequences += MOST - 1) {
        ops(&b, sequences, DECODE);
        ops(&b, sequences, SAMPLE);
    }
    lte_sampler_free(b.sampler);
    for (size_t i = 0; i < MOST; i++)
        lte_session_free(b.session[i]);
    lte_model_free(b.model);
    lte_close(b.context);
    bench_free_all();
    return 0;
}
