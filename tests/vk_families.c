// SPDX-License-Identifier: BSD-2-Clause
// Whole models of the other families on a Vulkan device: as the CPU does, however the tokens are
// split, and with states that go from the CPU to the device and back in the middle of a sequence.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/inside.h"
#include "tests/vk_leaks.h"

enum { TOKENS = 40, TO_DEVICE = 13, TO_CPU = 29 };

static struct lte_context *context;

struct model {
    const char *name;
    bool share_loops;
    enum lte_dtype type; // of keys and values
};

static struct lte_session *new_session(const struct lte_model *m, const struct model *what,
                                       uint32_t batch, bool on_cpu)
{
    struct lte_session_params p;
    struct lte_session *s;
    lte_session_params_init(&p);
    p.batch = batch;
    p.on_cpu = on_cpu;
    p.max_tokens = 64;
    p.kv_dtype = what->type;
    p.share_loops = what->share_loops;
    if (lte_session_new(m, &p, &s) != LTE_OK || !s->device != on_cpu) {
        printf("Bail out! %s: the session is not where it was asked for\n", what->name);
        exit(99);
    }
    return s;
}

// Not drawn: which of two nearly equal tokens is selected shall not depend on the seed.
static void feed(struct lte_session *s, const struct lte_model *m, size_t from, size_t to,
                 float *logits)
{
    uint32_t tokens[TOKENS];
    for (size_t i = 0; i < TOKENS; i++)
        tokens[i] = (uint32_t)((i * i * 7 + 3 * i + 1) % m->vocabulary);
    if (lte_session_feed(s, tokens + from, to - from, logits ? LTE_LOGITS_LAST : LTE_LOGITS_NONE,
                         logits) != LTE_OK)
        exit(99);
}

static bool near(const struct lte_model *m, const float *got, const float *want)
{
    const double error = inside_error(got, want, m->vocabulary);
    if (error >= 1e-4)
        check_note("error %.3g", error);
    return error < 1e-4;
}

// What the CPU says. Loops that share keys and values see those of the same call as each has them:
// then it gets the tokens in the same calls.
static void reference(const struct lte_model *m, const struct model *what, uint32_t batch,
                      const size_t *cut, float *want)
{
    struct lte_session *s = new_session(m, what, what->share_loops ? batch : 64, true);
    size_t from = 0;
    for (; what->share_loops && *cut < TOKENS; from = *cut++)
        feed(s, m, from, *cut, NULL);
    feed(s, m, from, TOKENS, want);
    lte_session_free(s);
}

static void whole(const struct lte_model *m, const struct model *what, float *want, float *got)
{
    static const size_t cut[] = {TOKENS - 4, TOKENS - 3, TOKENS - 2, TOKENS - 1, TOKENS};
    struct lte_session *s = new_session(m, what, 7, false);
    reference(m, what, 7, cut, want);
    for (size_t i = 0, from = 0; i < sizeof cut / sizeof *cut; from = cut[i++])
        feed(s, m, from, cut[i], got);
    check_ok(near(m, got, want), "%s%s: as the CPU", what->name,
             what->share_loops ? ", shared" : "");
    lte_session_free(s);
}

static void transfer(const struct lte_model *m, const struct model *what, float *want, float *got)
{
    static const size_t cut[] = {TO_DEVICE, TO_CPU, TOKENS};
    struct lte_session *cpu = new_session(m, what, 64, true);
    struct lte_session *device = new_session(m, what, 64, false);
    reference(m, what, 64, cut, want);
    feed(cpu, m, 0, TO_DEVICE, NULL);
    bool moved = inside_move(cpu, device);
    feed(device, m, TO_DEVICE, TO_CPU, NULL);
    moved = inside_move(device, cpu) && moved;
    feed(cpu, m, TO_CPU, TOKENS, got);
    check_ok(moved && near(m, got, want), "%s%s: to the device and back", what->name,
             what->share_loops ? ", shared" : "");
    lte_session_free(device);
    lte_session_free(cpu);
}

static void run(const struct model *what)
{
    struct lte_model *m = inside_random_model(context, what->name);
    float *want = malloc(m->vocabulary * sizeof *want), *got = malloc(m->vocabulary * sizeof *got);
    if (!want || !got)
        exit(99);
    whole(m, what, want, got);
    transfer(m, what, want, got);
    lte_model_free(m);
    free(want);
    free(got);
}

int main(int argc, char **argv)
{
    static const struct model models[] = {
        {"lt2", true, LTE_DTYPE_F32},         {"ouro", true, LTE_DTYPE_BF16},
        {"retnet", false, LTE_DTYPE_F32},     {"hgrn2", false, LTE_DTYPE_F32},
        {"mamba2", false, LTE_DTYPE_F32},     {"nsa", false, LTE_DTYPE_F32},
        {"hybrid_nsa", false, LTE_DTYPE_BF16}, {"lt2_linear", false, LTE_DTYPE_F32},
        {"lt2_dsa", false, LTE_DTYPE_F32},    {"lt2_gdn_dsa", false, LTE_DTYPE_F16}};
    check_begin(argc, argv, "vk_families");
    context = inside_device_context();
    if (!context->device) {
        check_skip("no Vulkan device", "models");
        lte_close(context);
        return check_end();
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        run(&models[i]);
    lte_close(context);
    return check_end();
}
