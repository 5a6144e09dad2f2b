// SPDX-License-Identifier: BSD-2-Clause
// A device is tried with the model itself: some tokens read and continued on both, and compared.
// Every op of the model is among what ran, for one row and for many.
#include "config.h"

#include "lib/trial.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "lib/backend.h"
#include "lib/cache.h"
#include "lib/session.h"

enum { READ = 24, CONTINUED = 4, TIMED_READ = 64, TIMED_CONTINUED = 16, MOST_ROUNDS = 8 };

// Largest difference of two logits by the largest logit; orders of summation differ by less than
// 1e-5.
static const double tolerance = 1e-3;
static const double enough = 0.4; // seconds of measuring on each side

struct side {
    struct lte_session *session;
    float *logits;
};

struct bench {
    const struct lte_model *model;
    struct side cpu, device;
    uint32_t token[TIMED_READ];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum lte_status open_side(const struct lte_model *m, bool on_cpu, struct side *side)
{
    struct lte_session_params p;
    lte_session_params_init(&p);
    p.batch = TIMED_READ;
    p.max_tokens = TIMED_READ + TIMED_CONTINUED;
    p.on_cpu = on_cpu;
    side->logits = lte_alloc_array(m->context, m->vocabulary, sizeof *side->logits);
    if (!side->logits)
        return lte_fail_memory(m->context, "logits", m->vocabulary * sizeof *side->logits);
    return lte_session_new(m, &p, &side->session);
}

static void close_side(const struct lte_model *m, struct side *side)
{
    lte_session_free(side->session);
    lte_release(m->context, side->logits, m->vocabulary * sizeof *side->logits);
}

static enum lte_status feed(const struct bench *b, const struct side *side, size_t from, size_t n)
{
    return lte_session_feed(side->session, b->token + from, n, LTE_LOGITS_LAST, side->logits);
}

// Infinite where the device has a NaN; logits that are not finite on the CPU tell nothing.
static double difference(const struct bench *b)
{
    double most = 0, largest = 0;
    for (uint32_t i = 0; i < b->model->vocabulary; i++) {
        const double want = b->cpu.logits[i], off = fabs(b->device.logits[i] - want);
        if (!isfinite(want))
            return 0;
        largest = fabs(want) > largest ? fabs(want) : largest;
        most = off <= most ? most : isnan(off) ? INFINITY : off;
    }
    return largest > 0 ? most / largest : most;
}

static enum lte_status compare(const struct bench *b, struct lte_trial *trial)
{
    for (size_t i = 0; i <= CONTINUED; i++) {
        const size_t from = i ? READ + i - 1 : 0, n = i ? 1 : READ;
        LTE_TRY(feed(b, &b->cpu, from, n));
        LTE_TRY(feed(b, &b->device, from, n));
        const double d = difference(b);
        trial->error = d > trial->error ? d : trial->error;
    }
    return LTE_OK;
}

// The best of some rounds: everything is warm by then.
static enum lte_status measure(const struct bench *b, const struct side *side, double *seconds)
{
    const double begin = now();
    *seconds = INFINITY;
    for (int round = 0; round < MOST_ROUNDS && (round < 2 || now() - begin < enough); round++) {
        const double start = now();
        lte_session_reset(side->session);
        LTE_TRY(feed(b, side, 0, TIMED_READ));
        for (size_t i = 0; i < TIMED_CONTINUED; i++)
            LTE_TRY(feed(b, side, i, 1));
        *seconds = now() - start < *seconds ? now() - start : *seconds;
    }
    return LTE_OK;
}

static enum lte_status run(struct bench *b, bool timed, struct lte_trial *trial)
{
    LTE_TRY(open_side(b->model, true, &b->cpu));
    LTE_TRY(open_side(b->model, false, &b->device));
    if (!b->device.session->device)
        return LTE_ERR_UNSUPPORTED;
    LTE_TRY(compare(b, trial));
    trial->passed = trial->error <= tolerance;
    if (!timed || !trial->passed)
        return LTE_OK;
    LTE_TRY(measure(b, &b->cpu, &trial->cpu_seconds));
    return measure(b, &b->device, &trial->device_seconds);
}

static enum lte_status try_model(const struct lte_model *m, bool timed, struct lte_trial *trial)
{
    struct bench b = {.model = m};
    for (uint32_t i = 0; i < TIMED_READ; i++)
        b.token[i] = (uint32_t)((uint64_t)(i + 1) * 7919 % m->vocabulary);
    *trial = (struct lte_trial){0};
    const enum lte_status status = run(&b, timed, trial);
    close_side(m, &b.cpu);
    close_side(m, &b.device);
    return status;
}

// Everything that the outcome may depend on.
static uint64_t key_of(const struct lte_model *m, bool timed)
{
    const struct lte_context *c = m->context;
    const struct lte_graph *g = m->graph;
    const uint64_t numbers[] = {c->backend->identity(c->device), c->threads, timed, g->vocabulary};
    uint64_t hash = lte_hash(LTE_HASH, numbers, sizeof numbers);
    hash = lte_hash(hash, lte_version(), strlen(lte_version()));
    hash = lte_hash(hash, c->kernels.name, strlen(c->kernels.name));
    hash = lte_hash(hash, g->width, g->values * sizeof *g->width);
    for (size_t i = 0; i < g->ops; i++) {
        const uint32_t op[] = {g->op[i].kind, g->op[i].kind == LTE_OP_LINEAR
                                                  ? (uint32_t)g->op[i].linear.part[0].weight.type
                                                  : 0};
        hash = lte_hash(hash, op, sizeof op);
    }
    return hash;
}

static bool remembered(const struct lte_model *m, uint64_t key, struct lte_trial *trial)
{
    size_t size = 0;
    void *bytes = lte_cache_get(m->context, "trial", key, &size);
    const bool found = bytes && size == sizeof *trial;
    if (found)
        memcpy(trial, bytes, sizeof *trial);
    lte_release(m->context, bytes, size);
    return found;
}

enum lte_status lte_model_trial(const struct lte_model *model, struct lte_trial *trial)
{
    if (!model || !trial)
        return LTE_ERR_ARGUMENT;
    *trial = (struct lte_trial){0};
    if (!model->program)
        return LTE_ERR_UNSUPPORTED;
    return try_model(model, true, trial);
}

static void refuse(struct lte_model *m, const struct lte_trial *t)
{
    const struct lte_context *c = m->context;
    const char *name = lte_context_device(c);
    if (!t->passed)
        lte_log(c, LTE_LOG_WARNING, "%s: its logits are off by %.2g: this model runs on the CPU", name,
                t->error);
    else
        lte_log(c, LTE_LOG_INFO, "%s: %.3g s where the CPU takes %.3g s: this model runs on the CPU",
                name, t->device_seconds, t->cpu_seconds);
    lte_model_unload(m);
}

enum lte_status lte_trial_judge(struct lte_model *m)
{
    const struct lte_context *c = m->context;
    const uint64_t key = key_of(m, c->automatic);
    struct lte_trial trial;
    if (!remembered(m, key, &trial)) {
        const enum lte_status status = try_model(m, c->automatic, &trial);
        if (status == LTE_ERR_UNSUPPORTED || (status != LTE_OK && c->automatic)) {
            lte_model_unload(m); // the log has said why
            return LTE_OK;
        }
        LTE_TRY(status);
        lte_cache_put(c, "trial", key, &trial, sizeof trial);
    }
    if (!trial.passed || (c->automatic && trial.device_seconds >= trial.cpu_seconds))
        refuse(m, &trial);
    return LTE_OK;
}
