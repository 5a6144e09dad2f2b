// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/fixture.h"

static void log_line(void *opaque, enum lte_log_level level, const char *message)
{
    (void)opaque, (void)level;
    printf("# %s\n", message);
}

static struct lte_context *open_context(const char *cpu, enum lte_device device, unsigned threads)
{
    struct lte_options o;
    struct lte_context *c;
    lte_options_init(&o);
    o.cpu = cpu;
    o.device = device;
    o.threads = threads;
    o.log = log_line;
    if (lte_open(&o, &c) != LTE_OK)
        exit(99);
    check_restart();
    return c;
}

struct lte_context *inside_context(const char *cpu, unsigned threads)
{
    return open_context(cpu, LTE_DEVICE_CPU, threads);
}

struct lte_context *inside_device_context(void)
{
    return open_context(NULL, LTE_DEVICE_VULKAN, 1);
}

bool inside_move(const struct lte_session *from, struct lte_session *to)
{
    const size_t size = lte_session_state_size(from);
    void *state = malloc(size);
    const bool good = state && lte_session_get_state(from, state, size) == LTE_OK &&
                      lte_session_set_state(to, state, size) == LTE_OK;
    free(state);
    return good;
}

struct lte_model *inside_model(struct lte_context *context, const char *folder)
{
    struct lte_model *m;
    const enum lte_status status = lte_model_load(context, fixture_source(folder), &m);
    if (status != LTE_OK) {
        printf("Bail out! %s: %s\n", folder, lte_status_name(status));
        exit(99);
    }
    return m;
}

struct lte_model *inside_random_model(struct lte_context *context, const char *name)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char config[1024], folder[] = "/tmp/lte-model-XXXXXX";
    struct lte_model *m = NULL;
    snprintf(config, sizeof config, "%s/%s.json", fixture_source("tests/data/models"), name);
    if (!mkdtemp(folder) ||
        lte_model_init(context, config, folder, LTE_DTYPE_F32, 1) != LTE_OK ||
        lte_model_load(context, folder, &m) != LTE_OK)
        printf("Bail out! no model from %s\n", config);
    for (size_t i = 0; i < 2; i++) { // a mapped file stays readable
        char path[sizeof folder + 32];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    if (!m)
        exit(99);
    return m;
}

struct lte_session *inside_session(const struct lte_model *model, uint32_t batch)
{
    struct lte_session_params p;
    struct lte_session *s;
    lte_session_params_init(&p);
    p.batch = batch ? batch : p.batch;
    if (lte_session_new(model, &p, &s) != LTE_OK)
        exit(99);
    return s;
}

const char *const *inside_levels(void)
{
    static const char *levels[CHECK_LEVELS + 1];
    size_t n = 0;
    levels[n++] = "ref";
    for (const struct check_level *l = check_levels(); l->name; l++)
        levels[n++] = l->name;
    levels[n] = NULL;
    return levels;
}

size_t inside_find_op(const struct lte_session *session, uint32_t slot, enum lte_op_kind kind)
{
    const struct lte_graph *g = session->model->graph;
    for (size_t i = 0; i < g->ops; i++)
        if (g->op[i].slot == slot && g->op[i].kind == kind)
            return i;
    return SIZE_MAX;
}

struct lte_state_shape inside_state_shape(const struct lte_session *session, uint32_t slot,
                                          size_t *op)
{
    const size_t delta = inside_find_op(session, slot, LTE_OP_DELTA_RULE);
    const size_t diag = inside_find_op(session, slot, LTE_OP_DIAG_RULE);
    const struct lte_op *ops = session->model->graph->op;
    if (delta != SIZE_MAX) {
        const struct lte_delta_rule_op *d = &ops[*op = delta].delta_rule;
        return (struct lte_state_shape){d->value_heads, d->key_dim, d->value_dim};
    }
    if (diag != SIZE_MAX) {
        const struct lte_diag_rule_op *d = &ops[*op = diag].diag_rule;
        return (struct lte_state_shape){d->heads, d->key_dim, d->value_dim};
    }
    return (struct lte_state_shape){0, 0, 0};
}

void inside_delta_state(const struct lte_session *session, uint32_t layer, size_t head, float *state)
{
    size_t op;
    const struct lte_state_shape d = inside_state_shape(session, layer, &op);
    const size_t columns = LTE_DELTA_COLUMNS;
    const size_t blocks = (d.value_dim + columns - 1) / columns;
    const unsigned char *base = (const unsigned char *)session + session->layout.state[op];
    const float *from = (const float *)(const void *)base + head * blocks * d.key_dim * columns;
    for (size_t k = 0; k < d.key_dim; k++)
        for (size_t v = 0; v < d.value_dim; v++)
            state[k * d.value_dim + v] =
                from[(v / columns * d.key_dim + k) * columns + v % columns];
}

void inside_visible(const struct lte_session *session, uint32_t layer, size_t head,
                     unsigned char *visible)
{
    const size_t i = inside_find_op(session, layer, LTE_OP_ATTEND);
    const struct lte_attend_op *op = &session->model->graph->op[i].attend;
    struct lte_kv kv;
    lte_kv_carve(op, &session->params, (unsigned char *)(uintptr_t)session + session->layout.state[i],
                 &kv);
    const uint64_t n = session->position, window = op->window ? op->window : n;
    memset(visible, 0, (size_t)n);
    for (uint64_t p = n > window ? n - window : 0; p < n; p++)
        visible[p] = 1;
    for (size_t s = 0; op->retains && s < kv.buffer_used[head]; s++)
        visible[kv.buffer_position[head * op->buffer + s]] = 1;
}

double inside_error(const float *a, const float *b, size_t n)
{
    double error = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)a[i] - b[i]) <= error))
            error = fabs((double)a[i] - b[i]);
        scale = fmax(scale, fabs((double)b[i]));
    }
    return scale > 0 ? error / scale : error;
}

static bool sample(const struct lte_model *m, uint32_t ids, const float *logits, uint32_t *token)
{
    struct lte_sampler *sampler;
    if (lte_sampler_new((struct lte_context *)(uintptr_t)m->context, ids, NULL, &sampler) != LTE_OK)
        return false;
    const enum lte_status status = lte_sampler_sample(sampler, logits, token);
    lte_sampler_free(sampler);
    return status == LTE_OK;
}

bool inside_greedy(struct lte_session *const *greedy, struct lte_session *const *plain, size_t sessions)
{
    const struct lte_model *m = greedy[0]->model;
    const size_t v = m->vocabulary;
    float *logits = malloc(sessions * v * sizeof *logits);
    uint32_t *token = calloc(sessions, sizeof *token), *want = calloc(sessions, sizeof *want);
    bool good = logits && token && want;
    for (uint32_t ids = (uint32_t)v; good && ids; ids /= 4) {
        good = lte_session_step(plain, sessions, token, logits) == LTE_OK;
        for (size_t i = 0; good && i < sessions; i++)
            good = sample(m, ids, logits + i * v, &want[i]);
        good = good && lte_session_step_greedy(greedy, sessions, token, ids, logits, token) == LTE_OK &&
               !memcmp(token, want, sessions * sizeof *token);
    }
    good = good && lte_session_step_greedy(greedy, sessions, token, 0, logits, token) == LTE_ERR_ARGUMENT &&
           lte_session_step_greedy(greedy, sessions, token, (uint32_t)v + 1, logits, token) ==
               LTE_ERR_ARGUMENT;
    free(want);
    free(token);
    free(logits);
    return good;
}
