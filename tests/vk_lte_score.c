// SPDX-License-Identifier: BSD-2-Clause
// lte_score on Vulkan devices: scores and histories, however the tokens are split.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "tests/vk_rig.h"

enum { WEIGHTS = 3 * 3 * 16384, BIASES = 512 };
static float weights[WEIGHTS], biases[BIASES];

struct shape {
    const char *name;
    size_t heads, dim, convs; // the projection counts
    bool shared, relu;
    size_t taps[LTE_SCORER_CONVS], dilation[LTE_SCORER_CONVS];
};

// Weights as a model starts with them: every layer's outputs are about as large as its inputs.
// Logits are far from 0, where what they cancel to would be no measure of the error.
static void fill_convs(struct lte_score_op *o, const struct shape *s)
{
    float *w = weights, *b = biases;
    size_t in = 2 * s->dim;
    for (size_t i = 0; i < s->convs; i++) {
        const bool last = i + 1 == s->convs;
        const size_t out = last ? 1 : in / 2, sets = s->shared ? 1 : s->heads;
        const size_t taps = last ? 1 : s->taps[i], total = (taps - 1) * s->dilation[i];
        o->conv[i] = (struct lte_scorer_conv){w, b, in, out, taps, s->dilation[i], total / 2,
                                              total - total / 2};
        for (size_t n = 0; n < sets * taps * in * out; n++)
            *w++ = check_normal() * (last ? 0.2f : 1.4f) / sqrtf((float)(taps * in));
        for (size_t n = 0; n < sets * out; n++)
            *b++ = last ? 1.5f : check_uniform(-0.5f, 0.5f);
        o->delay += o->conv[i].right;
        in = out;
    }
}

static struct vk_case score(const struct shape *s)
{
    struct vk_case c = vk_case(LTE_OP_LTE_SCORE);
    c.values = 3;
    c.width[0] = c.width[1] = s->heads * s->dim;
    c.width[2] = s->heads;
    c.given[0] = c.given[1] = true;
    c.op.in[0] = 0;
    c.op.in[1] = 1;
    c.op.out = 2;
    c.op.score = (struct lte_score_op){.heads = s->heads,
                                       .head_dim = s->dim,
                                       .convs = s->convs,
                                       .shared = s->shared,
                                       .relu = s->relu};
    fill_convs(&c.op.score, s);
    c.tolerance = 2e-6;
    c.state_tolerance = 1e-6;
    return c;
}

int main(int argc, char **argv)
{
    static const struct shape shape[] = {
        {"3 layers", 2, 16, 4, false, false, {3, 3, 3, 1}, {2, 2, 2, 1}},
        {"3 layers of 64", 3, 64, 4, false, false, {3, 3, 3, 1}, {2, 2, 2, 1}},
        {"shared, relu", 4, 8, 3, true, true, {2, 5, 1}, {3, 1, 1}},
        {"even kernels", 1, 20, 3, false, false, {4, 2, 1}, {5, 7, 1}},
        {"no history", 2, 7, 2, false, false, {1, 1}, {1, 1}}};
    static const size_t rows[] = {3, 1, 1, 17, 1, 40, 2};
    char name[80];
    check_begin(argc, argv, "vk_lte_score");
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = score(&shape[i]);
        c.steps = sizeof rows / sizeof *rows;
        for (size_t n = 0; n < c.steps; n++)
            c.rows[n] = rows[n];
        snprintf(name, sizeof name, "lte_score, %s", shape[i].name);
        vk_check(&c, name);
        c.sessions = 3;
        c.steps = VK_STEPS;
        snprintf(name, sizeof name, "lte_score, %s, three sessions", shape[i].name);
        vk_check(&c, name);
    }
    vk_end();
    return check_end();
}
