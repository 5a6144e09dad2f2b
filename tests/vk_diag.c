// SPDX-License-Identifier: BSD-2-Clause
// diag_rule on Vulkan devices as RetNet, HGRN2 and Mamba2 lay it out, and the gates of the latter
// two. Kimi Delta Attention's layout is looked at beside the delta rule.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "tests/vk_rig.h"

struct shape {
    size_t heads, key_heads, key_dim, value_dim;
};

// in[0]: a logit of forgetting; or in[1] of a rule: log decays, and behind these what its layout
// wants.
static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const struct lte_diag_rule_op *d = &c->op.diag_rule;
    const size_t decays = d->fixed || value != 1 ? 0 : d->heads * d->decays;
    for (size_t i = 0; i < rows * c->width[value]; i++) {
        x[i] = check_normal() / sqrtf((float)d->key_dim);
        if (i % c->width[value] < decays)
            x[i] = check_below(16) ? -expf(check_uniform(-6, 1)) : check_below(2) ? 0 : -INFINITY;
    }
}

static struct vk_case rule(size_t values)
{
    struct vk_case c = vk_case(LTE_OP_DIAG_RULE);
    c.values = values + 1;
    for (lte_value v = 0; v < values; v++) {
        c.op.in[v] = v;
        c.given[v] = true;
    }
    c.op.out = (lte_value)values;
    c.draw = draw;
    c.tolerance = c.state_tolerance = 1e-5;
    return c;
}

static struct vk_case retnet(const struct shape *s, const float *fixed)
{
    struct vk_case c = rule(2);
    c.width[0] = (s->heads + s->key_heads) * s->key_dim;
    c.width[1] = s->key_heads * s->value_dim;
    c.width[2] = s->heads * s->value_dim;
    c.op.diag_rule = (struct lte_diag_rule_op){
        .heads = s->heads, .key_dim = s->key_dim, .value_dim = s->value_dim,
        .q = {0, 0, s->heads}, .k = {0, s->heads * s->key_dim, s->key_heads},
        .v = {1, 0, s->key_heads},
        .decays = 1, .fixed = fixed, .step = LTE_RULE_ADDS};
    return c;
}

static struct vk_case hgrn2(const struct shape *s, const float *fixed)
{
    struct vk_case c = rule(3);
    (void)fixed;
    c.width[0] = s->heads * s->key_dim;
    c.width[1] = 2 * c.width[0];
    c.width[2] = c.width[3] = s->heads * s->value_dim;
    c.op.diag_rule = (struct lte_diag_rule_op){
        .heads = s->heads, .key_dim = s->key_dim, .value_dim = s->value_dim,
        .q = {0, 0, s->heads}, .decay = {1, 0, s->heads}, .k = {1, c.width[0], s->heads},
        .v = {2, 0, s->heads}, .decays = s->key_dim, .step = LTE_RULE_ADDS};
    return c;
}

static struct vk_case mamba2(const struct shape *s, const float *fixed)
{
    struct vk_case c = rule(2);
    const size_t inner = s->heads * s->value_dim, states = s->key_heads * s->key_dim;
    (void)fixed;
    c.width[0] = inner + 2 * states;
    c.width[1] = 2 * s->heads;
    c.width[2] = inner;
    c.op.diag_rule = (struct lte_diag_rule_op){
        .heads = s->heads, .key_dim = s->key_dim, .value_dim = s->value_dim,
        .v = {0, 0, s->heads}, .k = {0, inner, s->key_heads},
        .q = {0, inner + states, s->key_heads},
        .decay = {1, 0, s->heads}, .beta = {1, s->heads, s->heads}, .decays = 1,
        .step = LTE_RULE_WEIGHS};
    return c;
}

typedef struct vk_case layout_fn(const struct shape *s, const float *fixed);

static void rules(layout_fn *layout, const char *kind)
{
    static const float fixed[] = {-.03f, -.4f, 0, -INFINITY, -1e-4f, -3, -.2f, -.1f};
    static const struct shape shape[] = {
        {8, 4, 1, 1}, {2, 2, 64, 64}, {3, 1, 40, 24}, {4, 2, 100, 17}, {1, 1, 300, 24}};
    static const size_t rows[] = {2, 1, 37, 1, 8};
    char name[80];
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = layout(&shape[i], fixed);
        for (c.steps = 0; c.steps < 5; c.steps++)
            c.rows[c.steps] = rows[c.steps];
        snprintf(name, sizeof name, "%s of %zu heads, %zu for keys, %zu x %zu", kind,
                 shape[i].heads, shape[i].key_heads, shape[i].key_dim, shape[i].value_dim);
        vk_check(&c, name);
    }
    struct vk_case c = layout(&shape[3], fixed);
    c.sessions = 3;
    c.steps = 4;
    snprintf(name, sizeof name, "%s of three sessions", kind);
    vk_check(&c, name);
    c = layout(&(struct shape){1, 1, 513, 4}, fixed);
    snprintf(name, sizeof name, "%s of long keys", kind);
    vk_check_refused(&c, "diag_rule: 513 values a key", name);
}

static void draw_gates(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    static const float hard[] = {0, -0.0f, 87, -87, 1000, -1000, 20, -20};
    for (size_t i = 0; i < rows * c->width[value]; i++)
        x[i] = check_below(8) ? 4 * check_normal() : hard[check_below(8)];
}

static struct vk_case gates(enum lte_op_kind kind, size_t channels)
{
    struct vk_case c = vk_case(kind);
    c.values = 2;
    c.width[0] = channels;
    c.width[1] = 2 * channels;
    c.given[0] = true;
    c.op.in[0] = 0;
    c.op.out = 1;
    c.rows[0] = 33;
    c.draw = draw_gates;
    return c;
}

static void all_gates(void)
{
    float lower[131], bias[70], neg_exp_A[70];
    for (size_t i = 0; i < 131; i++)
        lower[i] = i % 5 ? check_uniform(0, 1) : i % 2;
    for (size_t i = 0; i < 70; i++) {
        neg_exp_A[i] = -expf(check_uniform(-2, 2));
        bias[i] = check_normal();
    }
    struct vk_case c = gates(LTE_OP_FORGET_GATES, 131);
    c.op.forget_gates.channels = 131;
    vk_check(&c, "forget_gates");
    c.op.forget_gates.lower = lower;
    vk_check(&c, "forget_gates with lower bounds");
    c = gates(LTE_OP_STEP_GATES, 70);
    c.op.step_gates = (struct lte_step_gates_op){
        .neg_exp_A = neg_exp_A, .dt_bias = bias, .heads = 70, .high = INFINITY};
    vk_check(&c, "step_gates");
    c.op.step_gates.low = .1f;
    c.op.step_gates.high = 2;
    c.sessions = 4;
    vk_check(&c, "step_gates with limits, four sessions");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "vk_diag");
    rules(retnet, "retnet");
    rules(hgrn2, "hgrn2");
    rules(mamba2, "mamba2");
    all_gates();
    vk_end();
    return check_end();
}
