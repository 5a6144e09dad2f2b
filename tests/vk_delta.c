// SPDX-License-Identifier: BSD-2-Clause
// delta_gates, delta_rule and diag_rule on Vulkan devices.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "lib/vk/device.h"
#include "tests/vk_rig.h"

static void gates(float lower_bound, size_t heads, size_t channels, bool decays, const char *name)
{
    float neg_exp_A[8], bias[64];
    struct vk_case c = vk_case(LTE_OP_DELTA_GATES);
    for (size_t i = 0; i < 8; i++)
        neg_exp_A[i] = -expf(check_uniform(-2, 2));
    check_fill(bias, 64, CHECK_NORMAL);
    c.values = 1;
    c.width[0] = heads * (channels + 1);
    c.given[0] = true;
    c.op.in[0] = c.op.out = 0;
    c.op.delta_gates = (struct lte_delta_gates_op){.neg_exp_A = decays ? neg_exp_A : NULL,
                                                   .dt_bias = decays ? bias : NULL,
                                                   .heads = heads,
                                                   .channels = channels,
                                                   .beta_scale = decays ? 2 : 1,
                                                   .lower_bound = lower_bound};
    vk_check(&c, name);
}

struct shape {
    size_t heads, value_heads, key_dim, value_dim;
};

// Queries and keys of length about 1, in columns that other numbers precede.
static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const struct lte_delta_rule_op *d = &c->op.delta_rule;
    const size_t keys = c->op.kind == LTE_OP_DELTA_RULE ? d->key_dim : c->op.diag_rule.key_dim;
    const size_t decays = value == 0 ? 0 : c->op.kind == LTE_OP_DELTA_RULE ? d->value_heads
                                           : c->op.diag_rule.heads * keys;
    for (size_t i = 0; i < rows * c->width[value]; i++) {
        if (value == 0)
            x[i] = check_normal() / sqrtf((float)keys);
        else
            x[i] = i % c->width[1] < decays ? -expf(check_uniform(-6, 1)) : check_uniform(0, 1);
        if (value == 1 && i % c->width[1] < decays && check_below(16) == 0)
            x[i] = check_below(2) ? 0 : -INFINITY;
    }
}

static struct vk_case rule(enum lte_op_kind kind, const struct shape *s, bool erase)
{
    const size_t keys = s->heads * s->key_dim, values = s->value_heads * s->value_dim;
    struct vk_case c = vk_case(kind);
    c.values = 3;
    c.width[0] = 2 * keys + values;
    c.width[1] = 2 * s->value_heads;
    c.width[2] = values;
    c.given[0] = c.given[1] = true;
    c.op.in[0] = 0;
    c.op.in[1] = 1;
    c.op.out = 2;
    c.draw = draw;
    c.tolerance = c.state_tolerance = 1e-5;
    if (kind == LTE_OP_DELTA_RULE) {
        c.op.delta_rule = (struct lte_delta_rule_op){s->heads, s->value_heads, s->key_dim,
                                                     s->value_dim, values, values + keys, 0};
    } else {
        c.width[1] = s->value_heads * (s->key_dim + (erase ? 1 : 0));
        c.op.diag_rule = (struct lte_diag_rule_op){
            .heads = s->value_heads, .key_dim = s->key_dim, .value_dim = s->value_dim,
            .q = {0, keys, s->heads}, .k = {0, 0, s->heads}, .v = {0, 2 * keys, s->value_heads},
            .decay = {1, 0, s->value_heads},
            .beta = {1, s->value_heads * s->key_dim, s->value_heads},
            .decays = s->key_dim, .step = erase ? LTE_RULE_ERASES : LTE_RULE_ADDS};
    }
    return c;
}

static void rules(enum lte_op_kind kind, const char *kind_name, bool erase)
{
    static const struct shape shape[] = {
        {4, 8, 1, 1}, {2, 2, 64, 64}, {1, 3, 40, 24}, {2, 4, 100, 17}, {1, 1, 128, 128},
        {1, 2, 256, 17}, {1, 1, 300, 24}};
    char name[80];
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = rule(kind, &shape[i], erase);
        c.steps = 5;
        c.rows[0] = 2;
        c.rows[1] = 1;
        c.rows[2] = 37;
        c.rows[3] = 1;
        c.rows[4] = 8;
        snprintf(name, sizeof name, "%s of %zu heads, %zu for values, %zu x %zu", kind_name,
                 shape[i].heads, shape[i].value_heads, shape[i].key_dim, shape[i].value_dim);
        vk_check(&c, name);
    }
    static const struct shape large[] = {{1, 2, 128, 128}, {1, 1, 100, 17}, {1, 1, 256, 40},
                                         {8, 64, 32, 64}};
    for (size_t i = 0; kind == LTE_OP_DELTA_RULE && i < sizeof large / sizeof *large; i++) {
        struct vk_case c = rule(kind, &large[i], erase);
        c.steps = 3;
        c.params.batch = 150;
        c.rows[0] = 150;
        c.rows[1] = 64;
        c.rows[2] = 75;
        snprintf(name, sizeof name, "%s of many tokens, %zu x %zu", kind_name, large[i].key_dim,
                 large[i].value_dim);
        vk_check(&c, name);
    }
    struct vk_case c = rule(kind, &shape[3], erase);
    c.rows[0] = 50;
    c.without = LTE_VK_SUBGROUPS;
    snprintf(name, sizeof name, "%s without subgroups", kind_name);
    vk_check(&c, name);
    c = rule(kind, &shape[3], erase);
    c.sessions = 3;
    c.steps = 4;
    snprintf(name, sizeof name, "%s of three sessions", kind_name);
    vk_check(&c, name);
    c = rule(kind, &(struct shape){1, 1, 513, 4}, erase);
    snprintf(name, sizeof name, "%s of long keys", kind_name);
    vk_check_refused(&c, "513 values a key", name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "vk_delta");
    gates(0, 4, 1, true, "delta_gates");
    gates(-5, 4, 1, true, "delta_gates with a lower bound");
    gates(0, 3, 20, true, "delta_gates of channels");
    gates(-5, 3, 20, true, "delta_gates of channels, with a lower bound");
    gates(0, 5, 1, false, "delta_gates, nothing decays");
    rules(LTE_OP_DELTA_RULE, "delta_rule", true);
    rules(LTE_OP_DIAG_RULE, "diag_rule", true);
    rules(LTE_OP_DIAG_RULE, "diag_rule without erasing", false);
    vk_end();
    return check_end();
}
