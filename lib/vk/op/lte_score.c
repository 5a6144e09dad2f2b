// SPDX-License-Identifier: BSD-2-Clause
// lte_score on the device: of one token, a dispatch; of many, one a convolution, then one that
// renews what they keep.
#include "config.h"

#include <string.h>

#include "lib/vk/ops.h"

enum {
    TOKENS = 64, QUADS = 16, // of a workgroup of score_conv, at most
    STAGE = 48,              // products of a sum that it has in shared memory
    THREADS = 64,
    MOST = UINT16_MAX
};
_Static_assert((int)LTE_SCORE_CONVS == (int)LTE_SCORER_CONVS, "of the graph and of the shader");

struct score {
    struct lte_vk_encoder *e;
    const struct lte_op *op;
    const struct lte_vk_group *group;
    struct lte_vk_range scratch; // the inputs of all convolutions but the first, one after the other
    uint64_t place;              // of the current one's, in bytes
    struct lte_vk_range weights; // of each convolution, then its biases
    struct lte_score_params p;
};

static size_t history(const struct lte_scorer_conv *c)
{
    return (c->taps - 1) * c->dilation;
}

static size_t sets(const struct lte_score_op *o)
{
    return o->shared ? 1 : o->heads;
}

// Outputs as they lie in memory, in whole quads.
static size_t outputs(const struct lte_scorer_conv *c)
{
    return (c->out + 3) / 4 * 4;
}

// Channels of a part of a sum, and its products.
static size_t channels(const struct lte_scorer_conv *c)
{
    return (c->in + LTE_SCORE_PARTS - 1) / LTE_SCORE_PARTS;
}

static size_t length(const struct lte_scorer_conv *c)
{
    return LTE_SCORE_LENGTH(c->taps * channels(c));
}

static size_t weight_floats(const struct lte_score_op *o, const struct lte_scorer_conv *c)
{
    return sets(o) * LTE_SCORE_PARTS * length(c) * outputs(c);
}

static size_t all_floats(const struct lte_score_op *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->convs; i++)
        n += weight_floats(o, &o->conv[i]) + sets(o) * outputs(&o->conv[i]);
    return n;
}

// A set's weights, [taps][in][out], in the order of shaders/score.glsl.
static void gather_set(float *to, const struct lte_scorer_conv *c, const float *from)
{
    for (size_t n = 0; n < c->in; n++)
        for (size_t j = 0; j < c->taps; j++) {
            const size_t part = n / channels(c), i = j * channels(c) + n % channels(c);
            memcpy(to + (part * length(c) + i) * outputs(c), from + (j * c->in + n) * c->out,
                   c->out * sizeof *to);
        }
}

// One after the other, so that a shader has them all in one binding.
static void gather(void *to, size_t bytes, const void *from)
{
    const struct lte_score_op *o = from;
    float *y = to;
    memset(to, 0, bytes);
    for (size_t i = 0; i < o->convs; i++) {
        const struct lte_scorer_conv *c = &o->conv[i];
        const size_t set = LTE_SCORE_PARTS * length(c) * outputs(c);
        for (size_t n = 0; n < sets(o); n++, y += set)
            gather_set(y, c, c->weight + n * c->taps * c->in * c->out);
        for (size_t n = 0; n < sets(o); n++, y += outputs(c))
            memcpy(y, c->bias + n * c->out, c->out * sizeof *y);
    }
}

// Bytes of the inputs of a convolution for all heads and segments.
static uint64_t input_bytes(const struct score *s, const struct lte_scorer_conv *c)
{
    return (uint64_t)s->group->count * s->op->score.heads * s->group->rows * c->in * sizeof(float);
}

static struct lte_vk_range inputs(const struct score *s, const struct lte_scorer_conv *c)
{
    return (struct lte_vk_range){s->scratch.buffer, s->scratch.offset + s->place, input_bytes(s, c)};
}

// Of all convolutions but the first.
static void hold_inputs(struct score *s)
{
    const struct lte_score_op *o = &s->op->score;
    uint64_t bytes = 0;
    for (size_t i = 1; i < o->convs; i++)
        bytes += input_bytes(s, &o->conv[i]);
    if (bytes)
        s->scratch = lte_vk_scratch(s->e, bytes);
}

// The largest power of two that is no more than n, nor than most.
static uint32_t power(size_t n, uint32_t most)
{
    uint32_t x = 1;
    while (2 * x <= n && 2 * x <= most)
        x *= 2;
    return x;
}

static void convolve(struct score *s, size_t i)
{
    const struct lte_score_op *o = &s->op->score;
    const struct lte_scorer_conv *c = &o->conv[i];
    struct lte_vk_encoder *e = s->e;
    const uint32_t quads = power(outputs(c) / 4, QUADS), products = (uint32_t)length(c);
    s->p.inputs = (uint32_t)c->in;
    s->p.outputs = (uint32_t)c->out;
    s->p.dilation = (uint32_t)c->dilation;
    s->p.late += (uint32_t)c->right;
    s->p.last = i + 1 == o->convs;
    s->p.bias = s->p.weight + (uint32_t)weight_floats(o, c);
    struct lte_vk_call call = {
        .kernel = i ? LTE_VK_score_conv : LTE_VK_score_conv_first,
        .constant = {quads, (uint32_t)c->taps, (uint32_t)channels(c),
                     products > LTE_SCORE_RUN ? 1 : power(STAGE / products, LTE_SCORE_PARTS)},
        .bind = {e->segments, lte_vk_state(e, s->group, s->op), lte_vk_value(e, s->op->in[0]),
                 lte_vk_value(e, s->op->in[1]), s->weights},
        .push = &s->p,
        .beside = s->group != e->group,
        .x = (outputs(c) / 4 + quads - 1) / quads * ((s->group->rows + TOKENS - 1) / TOKENS),
        .y = o->heads,
        .z = s->group->count};
    if (i) {
        call.bind[2] = inputs(s, c);
        call.bind[3] = lte_vk_none();
        s->place += input_bytes(s, c);
    }
    call.bind[5] = s->p.last ? lte_vk_value(e, s->op->out) : inputs(s, &o->conv[i + 1]);
    lte_vk_run(e, &call);
    s->p.weight = s->p.bias + (uint32_t)(sets(o) * outputs(c));
    s->p.history += (uint32_t)(history(c) * c->in);
}

static struct lte_score_stack_params stack(const struct score *s)
{
    const struct lte_score_op *o = &s->op->score;
    struct lte_score_stack_params p = {.segment = s->p.segment,
                                       .rows = s->p.rows,
                                       .heads = (uint32_t)o->heads,
                                       .convs = (uint32_t)o->convs,
                                       .head_state = s->p.head_state,
                                       .groups = s->p.groups,
                                       .relu = s->p.relu};
    for (size_t i = 0; i < o->convs; i++) {
        p.shape[i] = (uint32_t)(o->conv[i].in << 16 | history(&o->conv[i]));
        p.taps[i] = (uint32_t)(o->conv[i].taps << 16 | o->conv[i].right);
    }
    return p;
}

static void keep(struct score *s)
{
    const struct lte_score_op *o = &s->op->score;
    const struct lte_score_stack_params p = stack(s);
    size_t most = 0, convs = 0;
    for (size_t i = 0; i < o->convs; i++) {
        most = most < o->conv[i].in ? o->conv[i].in : most;
        convs = history(&o->conv[i]) ? i + 1 : convs;
    }
    lte_vk_run(s->e, &(struct lte_vk_call){
        .kernel = LTE_VK_score_keep,
        .bind = {s->e->segments, lte_vk_value(s->e, s->op->in[0]), lte_vk_value(s->e, s->op->in[1]),
                 s->scratch, lte_vk_state(s->e, s->group, s->op)},
        .push = &p,
        .beside = s->group != s->e->group,
        .x = (most + THREADS - 1) / THREADS,
        .y = o->heads * convs,
        .z = s->group->count});
}

static void step(struct score *s)
{
    const struct lte_score_stack_params p = stack(s);
    lte_vk_run(s->e, &(struct lte_vk_call){
        .kernel = LTE_VK_score_step,
        .bind = {s->e->segments, lte_vk_state(s->e, s->group, s->op),
                 lte_vk_value(s->e, s->op->in[0]), lte_vk_value(s->e, s->op->in[1]), s->weights,
                 lte_vk_value(s->e, s->op->out)},
        .push = &p,
        .beside = s->group != s->e->group,
        .x = 1,
        .y = p.heads,
        .z = s->group->count});
}

// Floats of a head that a step has in shared memory.
static size_t step_floats(const struct lte_score_op *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->convs; i++)
        n += (history(&o->conv[i]) + 1) * o->conv[i].in;
    return n;
}

static struct score score(struct lte_vk_encoder *e, const struct lte_op *op,
                          const struct lte_vk_group *g)
{
    const struct lte_score_op *o = &op->score;
    struct score s = {.e = e,
                      .op = op,
                      .group = g,
                      .weights = lte_vk_made(e, o, all_floats(o) * sizeof(float), gather),
                      .p = {.segment = g->first,
                            .rows = (uint32_t)g->rows,
                            .groups = !o->shared,
                            .relu = o->relu}};
    for (size_t i = 0; i < o->convs; i++)
        s.p.head_state += (uint32_t)(history(&o->conv[i]) * o->conv[i].in);
    return s;
}

// The sessions' dispatches of one kind run beside each other.
void lte_vk_encode_lte_score(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_score_op *o = &op->score;
    struct score s[LTE_VK_SEGMENTS];
    bool steps = step_floats(o) <= LTE_SCORE_ROOM;
    for (size_t i = 0; i < o->convs; i++)
        if (o->conv[i].in > MOST || history(&o->conv[i]) > MOST)
            lte_vk_refuse(e, "a convolution of %zu channels and %zu tokens, at most %d",
                          o->conv[i].in, history(&o->conv[i]), MOST);
    for (size_t i = 0; i < e->groups; i++) {
        s[i] = score(e, op, &e->group[i]);
        steps = steps && e->group[i].rows == 1;
    }
    for (size_t i = 0; steps && i < e->groups; i++)
        step(&s[i]);
    for (size_t i = 0; !steps && i < e->groups; i++)
        hold_inputs(&s[i]);
    for (size_t n = 0; !steps && n < o->convs; n++)
        for (size_t i = 0; i < e->groups; i++)
            convolve(&s[i], n);
    for (size_t i = 0; !steps && i < e->groups; i++)
        keep(&s[i]);
}
