// SPDX-License-Identifier: BSD-2-Clause
// Decoding by looped models against the length of the context: time and bytes per token, of full
// attention in every layer, of one full layer in five among gated delta rules, of the same with
// sparse attention in its place, and with a window. They have as many parameters.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "lib/session.h"
#include "lte.h"

#define SIZES                                                                                     \
    "\"model_type\":\"lt2\",\"hidden_size\":512,\"num_hidden_layers\":10,\"num_heads\":8,"         \
    "\"num_loops\":4,\"vocab_size\":8192,\"initializer_range\":0.02,\"attn_gate\":\"element\","

static const struct entry {
    const char *name, *config;
} models[] = {
    {"full", "{" SIZES "\"layer_types\":\"full\",\"intermediate_size\":1552}"},
    {"gdn-full", "{" SIZES "\"layer_types\":\"4:1\",\"intermediate_size\":1408}"},
    {"gdn-dsa", "{" SIZES "\"layer_types\":\"interleaved:4:1:gdn:dsa\",\"intermediate_size\":1368}"},
    {"gdn-window", "{" SIZES "\"layer_types\":\"4:1\",\"intermediate_size\":1408,"
                   "\"window_pattern\":\"SWA=512\"}"},
};
static const uint64_t positions[] = {256, 1024, 2048, 4096, 8192, 16384, 32768};

struct run {
    struct lte_context *context;
    struct lte_model *model;
    struct lte_session *session;
    uint64_t position;
    float *logits;
};

static void must(enum lte_status status, const char *what)
{
    if (status == LTE_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, lte_status_text(status));
    exit(1);
}

static struct lte_model *make(struct lte_context *c, const struct entry *e)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char folder[] = "/tmp/lte-bench-XXXXXX", path[64];
    struct lte_model *m = NULL;
    if (!mkdtemp(folder))
        must(LTE_ERR_IO, folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *f = fopen(path, "w");
    if (!f || fputs(e->config, f) == EOF || fclose(f))
        must(LTE_ERR_IO, path);
    must(lte_model_init(c, path, folder, LTE_DTYPE_BF16, 1), path);
    must(lte_model_load(c, folder, &m), folder);
    for (size_t i = 0; i < 2; i++) { // a mapped file stays readable
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    return m;
}

// One token at the run's position; what was there of it is written again.
static void decode(void *arg)
{
    struct run *r = arg;
    const uint32_t token = 7;
    r->session->position = r->position;
    must(lte_session_feed(r->session, &token, 1, LTE_LOGITS_LAST, r->logits), "feed");
}

static double bytes_of(const struct run *r)
{
    const struct lte_graph *g = r->model->graph;
    struct lte_cost cost = {0};
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op_row *row = lte_op_table[g->op[i].kind];
        if (row->cost)
            row->cost(&g->op[i], &r->session->params, r->position, 1, &cost);
    }
    return cost.weight_bytes + cost.state_bytes;
}

// Keys and values of tokens that were never read: 0.008 to 0.03 each, of either sign, and all
// unlike, so that what is selected lies scattered. Time does not depend on them otherwise.
static void fill(unsigned char *state, size_t bytes)
{
    uint32_t x = 1;
    for (size_t i = 0; i + 2 <= bytes; i += 2) {
        x = x * 1664525 + 1013904223;
        const uint16_t bf16 = (uint16_t)(0x3c00 | (x >> 16 & 0x80ff));
        memcpy(state + i, &bf16, sizeof bf16);
    }
}

static void run_model(struct lte_context *c, const struct entry *e, size_t count)
{
    struct run r = {.context = c, .model = make(c, e)};
    struct lte_session_params params;
    lte_session_params_init(&params);
    params.max_tokens = positions[count - 1] + 1;
    params.kv_dtype = LTE_DTYPE_BF16;
    params.batch = 1;
    must(lte_session_new(r.model, &params, &r.session), "session");
    r.logits = bench_alloc(r.model->vocabulary * sizeof *r.logits);
    const struct lte_layout *l = &r.session->layout;
    fill((unsigned char *)r.session + l->growing, l->growing_bytes);
    for (size_t i = 0; i < count; i++) {
        char shape[48];
        r.position = positions[i];
        snprintf(shape, sizeof shape, "%s at %llu", e->name, (unsigned long long)r.position);
        if (!bench_wanted("loops", shape))
            continue;
        struct bench_task task = {decode, &r, 0};
        bench_time(&task, 1);
        if (!bench_options.json)
            bench_print(&(struct bench_row){.op = "loops", .shape = shape,
                                            .isa = lte_context_cpu(c),
                                            .threads = lte_context_threads(c), .tokens = 1,
                                            .seconds = task.seconds, .bytes = bytes_of(&r)});
        else
            printf("{\"op\":\"loops\",\"model\":\"%s\",\"position\":%llu,\"seconds\":%.6f,"
                   "\"bytes\":%.0f,\"session_bytes\":%zu,\"parameters\":%llu}\n",
                   e->name, (unsigned long long)r.position, task.seconds, bytes_of(&r), l->total,
                   (unsigned long long)r.model->parameters);
    }
    lte_session_free(r.session);
    lte_model_free(r.model);
    bench_free_all();
}

int main(int argc, char **argv)
{
    bench_begin(argc, argv, "Looped models: a decoded token against the context.", NULL);
    bench_cpu_time(bench_options.threads == 1);
    struct lte_context *c = bench_open();
    bench_title("Looped models, 4 loops over 10 layers of width 512");
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        run_model(c, &models[i], bench_options.quick ? 3 : sizeof positions / sizeof positions[0]);
    lte_close(c);
    return 0;
}
