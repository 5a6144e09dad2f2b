// SPDX-License-Identifier: BSD-2-Clause
// attend on Vulkan devices: outputs within the tolerance, and every byte of the state: what is
// retained is a decision, and the rest is copied.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "tests/vk_rig.h"

struct shape {
    const char *name;
    size_t heads, key_heads, dim, window, slots, sinks, delay;
    enum lte_dtype type;
    size_t rows[VK_STEPS];
};

// Scores are few, so that there are many ties, and some are none: 0, negative, NaN, infinite.
static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    static const float score[] = {.25f, .5f, 1, 2, 1e-40f, 0, -0.0f, -1};
    const size_t n = rows * c->width[value];
    check_fill(x, n, CHECK_NORMAL);
    for (size_t i = 0; value == 3 && i < n; i++)
        x[i] = check_below(4) ? score[check_below(8)] : check_below(16) ? fabsf(x[i])
                                                    : check_below(2)    ? NAN : INFINITY;
}

static struct vk_case attend(const struct shape *s)
{
    const bool retains = s->slots > 0;
    struct vk_case c = vk_case(LTE_OP_ATTEND);
    c.values = retains ? 5 : 4;
    c.width[0] = c.width[c.values - 1] = s->heads * s->dim;
    c.width[1] = c.width[2] = s->key_heads * s->dim;
    c.width[3] = retains ? s->key_heads : c.width[3];
    for (lte_value v = 0; v + 1 < c.values; v++) {
        c.given[v] = true;
        c.op.in[v] = v;
    }
    c.op.out = (lte_value)c.values - 1;
    c.op.attend = (struct lte_attend_op){.heads = s->heads,
                                         .key_heads = s->key_heads,
                                         .head_dim = s->dim,
                                         .window = s->window,
                                         .buffer = s->slots,
                                         .sinks = s->sinks,
                                         .delay = s->delay,
                                         .retains = retains};
    c.params.kv_dtype = s->type;
    c.params.max_tokens = 150;
    c.draw = draw;
    c.same = vk_same_words;
    c.tolerance = 4e-6;
    for (c.steps = 0; c.steps < VK_STEPS && s->rows[c.steps]; c.steps++)
        c.rows[c.steps] = s->rows[c.steps];
    return c;
}

// Logits of leaving far from where a chance more or less decides.
static void draw_leaving(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    static const float logit[] = {-9, -1, 0, 9, 2};
    for (size_t i = 0; i < rows * c->width[value]; i++)
        x[i] = value == 3 ? logit[check_below(5)] : check_normal();
}

// Loops that share their keys and values: a token that has left is not stored, nor are many at
// once.
static void leaving(void)
{
    for (size_t loop = 0; loop < 3; loop++) {
        struct vk_case c = attend(&(struct shape){
            "", 4, 2, 16, loop == 1 ? 10 : 0, 0, 0, 0, loop == 2 ? LTE_DTYPE_F16 : LTE_DTYPE_F32, {0}});
        char name[80];
        c.values = 5;
        c.width[4] = c.width[0];
        c.width[3] = 4;
        c.given[3] = true;
        c.op.in[3] = 3;
        c.op.out = 4;
        c.op.attend.loop = loop;
        c.op.attend.leaves = true;
        c.op.attend.threshold = 0.7f;
        c.params.share_loops = true;
        c.draw = draw_leaving;
        c.steps = 6;
        c.rows[0] = 20;
        for (size_t i = 1; i < c.steps; i++)
            c.rows[i] = 1;
        snprintf(name, sizeof name, "attend in loop %zu, which some have left", loop);
        vk_check(&c, name);
        c.sessions = 3;
        c.params.exit_threshold = 0.95f;
        snprintf(name, sizeof name, "attend in loop %zu, three sessions by their threshold", loop);
        vk_check(&c, name);
    }
}

int main(int argc, char **argv)
{
    static const enum lte_dtype f32 = LTE_DTYPE_F32, bf16 = LTE_DTYPE_BF16, f16 = LTE_DTYPE_F16;
    const struct shape shape[] = {
        {"full", 4, 2, 16, 0, 0, 0, 0, f32, {1, 40, 1, 7, 60, 1, 1}},
        {"full", 2, 1, 64, 0, 0, 0, 0, bf16, {50, 1, 1, 30}},
        {"full, a group of 20", 20, 1, 10, 0, 0, 0, 0, f16, {3, 1, 40, 1}},
        {"full, a group of 12", 12, 1, 12, 0, 0, 0, 0, f32, {3, 1, 20, 1}},
        {"full, odd heads", 3, 3, 33, 0, 0, 0, 0, f32, {5, 1, 60}},
        {"full, long heads", 2, 1, 512, 0, 0, 0, 0, f32, {3, 20, 1}},
        {"windowed", 4, 2, 16, 10, 0, 0, 0, f32, {1, 5, 1, 30, 1, 64, 9}},
        {"windowed", 2, 2, 64, 32, 0, 0, 0, f16, {40, 1, 1, 64, 3}},
        {"retaining", 4, 2, 16, 8, 6, 0, 2, f32, {1, 5, 1, 30, 1, 64, 9}},
        {"retaining, heads of 32", 8, 2, 32, 20, 30, 2, 3, f32, {50, 64, 1, 64, 17}},
        {"windowed, a group of 3", 3, 1, 32, 30, 0, 0, 0, f16, {64, 6, 64, 64}},
        {"retaining, 3 sinks", 2, 2, 8, 9, 5, 3, 8, f32, {12, 1, 1, 7, 64, 1, 20, 1}},
        {"retaining, 40 slots", 4, 4, 64, 16, 40, 2, 6, bf16, {64, 64, 1, 64, 1, 30}},
        {"retaining, 300 slots", 1, 1, 128, 20, 300, 4, 6, f16, {64, 64, 64, 64, 64, 64, 64, 64}},
        {"retaining, 140 slots", 4, 2, 4, 3, 140, 1, 0, f32, {64, 64, 64, 64, 64, 64, 64, 1}},
        {"retaining, one slot", 1, 1, 4, 2, 1, 0, 1, bf16, {1, 1, 1, 40, 1, 1}}};
    static const char *const type[] = {"f32", "bf16", "f16"};
    char name[80];
    check_begin(argc, argv, "vk_attend");
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = attend(&shape[i]);
        snprintf(name, sizeof name, "attend %s, %s", shape[i].name, type[shape[i].type]);
        vk_check(&c, name);
        c.sessions = 3;
        c.steps = VK_STEPS;
        snprintf(name, sizeof name, "attend %s, %s, three sessions", shape[i].name, type[shape[i].type]);
        vk_check(&c, name);
    }
    leaving();
    struct vk_case c = attend(&(struct shape){"", 1, 1, 513, 0, 0, 0, 0, f32, {1}});
    vk_check_refused(&c, "513", "attend with heads that are too long");
    c = attend(&(struct shape){"", 1, 1, 7, 0, 0, 0, 0, f16, {1}});
    vk_check_refused(&c, "odd", "attend with odd heads, 16 bits");
    vk_end();
    return check_end();
}
