// SPDX-License-Identifier: BSD-2-Clause
// Whole models on a Vulkan device: recorded answers, any split, several sessions, states that move
// between device and CPU, memory that runs out, a device that is lost.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vk/device.h"
#include "tests/answers.h"
#include "tests/check.h"
#include "tests/inside.h"
#include "tests/vk_leaks.h"

enum { CASES = 3, TOKENS = 40, SESSIONS = 5 };

static struct lte_context *context;

static struct lte_vk_device *device(void)
{
    return (struct lte_vk_device *)(void *)context->device;
}

static struct lte_session *new_session(const struct lte_model *m, uint32_t batch, bool on_cpu)
{
    struct lte_session_params p;
    struct lte_session *s;
    lte_session_params_init(&p);
    p.batch = batch;
    p.on_cpu = on_cpu;
    p.max_tokens = 512;
    if (lte_session_new(m, &p, &s) != LTE_OK || !s->device != on_cpu) {
        printf("Bail out! the session is not where it was asked for\n");
        exit(99);
    }
    return s;
}

static bool run_case(const struct answers *a, const struct lte_model *m, uint32_t batch)
{
    size_t tokens;
    uint32_t *prompt = answers_ids(a, "input_ids", &tokens);
    float *logits = malloc(tokens * m->vocabulary * sizeof *logits);
    float *last = answers_floats(a, "logits_last", -1, NULL);
    float *newest = logits + (tokens - 1) * m->vocabulary;
    struct lte_session *s = new_session(m, batch, false), *cpu = new_session(m, batch, true);
    bool good = lte_session_feed(s, prompt, tokens, LTE_LOGITS_ALL, logits) == LTE_OK;
    good &= answers_near(a, "logits_last", -1, newest, last, m->vocabulary, 1e-4);
    good = inside_move(s, cpu) && answers_states(a, cpu, tokens) && good;
    good = answers_greedy(a, s, newest) && good;
    lte_session_free(cpu);
    lte_session_free(s);
    free(last);
    free(logits);
    free(prompt);
    return good;
}

// The second case in pieces, or all of them in one as well.
static void recorded(const struct lte_model *m, const char *name, const char *file, bool all)
{
    struct answers a = answers_open(context, file);
    for (a.n = 0; a.n < CASES && all; a.n++)
        check_ok(run_case(&a, m, 256), "%s: case %d", name, a.n);
    a.n = 1;
    check_ok(run_case(&a, m, 7), "%s, 7 tokens at once: case 1", name);
    lte_tensors_close(a.tensors);
}

static void draw(const struct lte_model *m, uint32_t *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tokens[i] = (uint32_t)check_below(m->vocabulary);
}

static void feed(struct lte_session *s, const uint32_t *tokens, size_t n, float *logits)
{
    if (lte_session_feed(s, tokens, n, logits ? LTE_LOGITS_LAST : LTE_LOGITS_NONE, logits) != LTE_OK)
        exit(99);
}

// Some tokens on one, the rest on the other: the logits of the CPU.
static void transfer(const struct lte_model *m, const char *name)
{
    uint32_t tokens[TOKENS];
    float *want = malloc(m->vocabulary * sizeof *want), *got = malloc(m->vocabulary * sizeof *got);
    struct lte_session *whole = new_session(m, 64, true);
    draw(m, tokens, TOKENS);
    feed(whole, tokens, TOKENS, want);
    for (int to_device = 0; to_device < 2; to_device++) {
        struct lte_session *a = new_session(m, 64, to_device), *b = new_session(m, 7, !to_device);
        feed(a, tokens, 23, NULL);
        const bool moved = inside_move(a, b);
        feed(b, tokens + 23, TOKENS - 23, got);
        check_ok(moved && inside_error(got, want, m->vocabulary) < 1e-4 &&
                     lte_session_position(b) == TOKENS,
                 "%s: %s in the middle", name, to_device ? "to the device" : "to the CPU");
        lte_session_free(a);
        lte_session_free(b);
    }
    lte_session_free(whole);
    free(want);
    free(got);
}

// Stepped together, each at a position of its own, they get the bits that they get alone.
static void together(const struct lte_model *m, const char *name)
{
    uint32_t tokens[SESSIONS][TOKENS], step[SESSIONS];
    const size_t n = m->vocabulary;
    float *want = malloc(n * sizeof *want), *got = malloc(SESSIONS * n * sizeof *got);
    struct lte_session *s[SESSIONS], *twin[SESSIONS], *alone = new_session(m, 8, false);
    bool good = true;
    for (size_t i = 0; i < SESSIONS; i++) {
        draw(m, tokens[i], TOKENS);
        s[i] = new_session(m, 8, false);
        feed(s[i], tokens[i], 3 + i, NULL);
    }
    for (size_t t = 0; t < 4; t++) {
        for (size_t i = 0; i < SESSIONS; i++)
            step[i] = tokens[i][3 + i + t];
        good &= lte_session_step(s, SESSIONS, step, got) == LTE_OK;
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        lte_session_reset(alone);
        feed(alone, tokens[i], 3 + i, NULL);
        for (size_t t = 0; t < 4; t++)
            feed(alone, tokens[i] + 3 + i + t, 1, want);
        good &= !memcmp(got + i * n, want, n * sizeof *want);
        twin[i] = new_session(m, 8, false);
        good &= inside_move(s[i], twin[i]);
    }
    check_ok(good, "%s: sessions stepped together", name);
    check_ok(inside_greedy(s, twin, 1), "%s: a greedy step", name);
    check_ok(inside_greedy(s, twin, SESSIONS), "%s: sessions stepped greedily", name);
    check_ok(inside_sampled(s, twin, SESSIONS), "%s: sessions that are sampled", name);
    for (size_t i = 0; i < SESSIONS; i++) {
        lte_session_free(twin[i]);
        lte_session_free(s[i]);
    }
    lte_session_free(alone);
    free(want);
    free(got);
}

// The n-th allocation of device memory fails, for every n.
static void out_of_memory(const struct lte_model *m, const char *name)
{
    struct lte_session *s = NULL;
    bool good = true;
    unsigned n = 0;
    enum lte_status status;
    do {
        device()->faults.allocate = ++n;
        status = lte_session_new(m, NULL, &s);
        good &= status == LTE_OK || (status == LTE_ERR_MEMORY && !s);
    } while (status == LTE_ERR_MEMORY && n < 100);
    device()->faults.allocate = 0;
    check_ok(good && status == LTE_OK && n > 3, "%s: no device memory, %u times", name, n - 1);
    lte_session_free(s);
}

// The device is lost in the middle.
static void lost(const struct lte_model *m, const char *name)
{
    uint32_t tokens[TOKENS];
    float *got = malloc(m->vocabulary * sizeof *got);
    struct lte_session *s = new_session(m, 16, false), *none;
    draw(m, tokens, TOKENS);
    feed(s, tokens, 20, NULL);
    const size_t size = lte_session_state_size(s);
    void *state = malloc(size);
    bool good = lte_session_get_state(s, state, size) == LTE_OK;
    feed(s, tokens + 20, 4, NULL);
    device()->faults.submit = 1;
    good &= lte_session_feed(s, tokens + 24, 16, LTE_LOGITS_LAST, got) == LTE_ERR_DEVICE;
    good &= lte_session_position(s) == 24;
    good &= lte_session_feed(s, tokens + 24, 16, LTE_LOGITS_LAST, got) == LTE_ERR_DEVICE;
    good &= lte_session_get_state(s, state, size) == LTE_ERR_DEVICE;
    good &= lte_session_new(m, NULL, &none) == LTE_ERR_DEVICE && !none;
    check_ok(good, "%s: a lost device says so, again and again", name);
    lte_session_free(s);
    free(state);
    free(got);
}

static void loss_survived(const struct lte_model *m, const char *name)
{
    uint32_t tokens[TOKENS];
    float *want = malloc(m->vocabulary * sizeof *want), *got = malloc(m->vocabulary * sizeof *got);
    struct lte_session *s = new_session(m, 16, false), *whole = new_session(m, 16, true);
    struct lte_session *cpu = new_session(m, 16, true);
    draw(m, tokens, TOKENS);
    feed(whole, tokens, TOKENS, want);
    feed(s, tokens, 20, NULL);
    bool good = inside_move(s, cpu); // what the caller kept
    device()->faults.submit = 1;
    good &= lte_session_feed(s, tokens + 20, 20, LTE_LOGITS_NONE, NULL) == LTE_ERR_DEVICE;
    feed(cpu, tokens + 20, 20, got);
    check_ok(good && inside_error(got, want, m->vocabulary) < 1e-4,
             "%s: the CPU goes on from the kept state", name);
    lte_session_free(cpu);
    lte_session_free(whole);
    lte_session_free(s);
    free(want);
    free(got);
}

static struct lte_model *load(const char *name)
{
    struct lte_model *m = inside_random_model(context, name);
    check_ok(m->program != NULL, "%s runs on the device", name);
    return m;
}

int main(int argc, char **argv)
{
    static const char *const models[] = {"gva", "lte", "full", "lt2", "kda"};
    char file[256];
    check_begin(argc, argv, "vk_model");
    context = inside_device_context();
    if (!context->device) {
        check_skip("no Vulkan device", "models");
        lte_close(context);
        return check_end();
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct lte_model *m = load(models[i]);
        snprintf(file, sizeof file, "tests/data/models/%s.safetensors", models[i]);
        const bool thorough = i < 2; // a software device is slow
        recorded(m, models[i], file, thorough);
        if (thorough) {
            transfer(m, models[i]);
            together(m, models[i]);
        }
        lte_model_free(m);
    }
    struct lte_model *m = load("gva");
    out_of_memory(m, "gva");
    lost(m, "gva");
    lte_model_free(m);
    lte_close(context);
    context = inside_device_context();
    if (!context->device) // the process is as good as new
        return 99;
    m = load("gva");
    loss_survived(m, "gva");
    lte_model_free(m);
    lte_close(context);
    return check_end();
}
