// SPDX-License-Identifier: BSD-2-Clause
// nsa on Vulkan devices. Which blocks are selected is a decision: queries and keys are whole
// numbers, so that blocks are wanted equally, to the bit, or by far more than anything rounds.
#include "config.h"

#include <stdio.h>

#include "tests/vk_rig.h"

struct shape {
    const char *name;
    size_t heads, key_heads, dim, block, top, window, tokens;
    enum lte_dtype type;
    size_t rows[VK_STEPS];
};

// The heads of a group look the same way, so that the sum of their softmaxes rises with one
// product. A mean over a block that is no power of two is exact for no more than one channel.
static void draw_queries(const struct lte_nsa_op *o, float *x, size_t rows)
{
    static const float size[] = {1, .5f, 2};
    const bool exact = (o->block & (o->block - 1)) == 0;
    float way[64];
    for (size_t i = 0; i < rows * o->heads; i++, x += o->head_dim)
        for (size_t d = 0; d < o->head_dim; d++) {
            if (i % (o->heads / o->key_heads) == 0)
                way[d] = d && !exact ? 0 : (float)check_below(3) - 1;
            x[d] = way[d] * size[i % 3];
        }
}

static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const size_t n = rows * c->width[value];
    if (value == 0)
        draw_queries(&c->op.nsa, x, rows);
    for (size_t i = 0; value == 1 && i < n; i++)
        x[i] = (float)check_below(5) - 2;
    if (value > 1)
        check_fill(x, n, CHECK_NORMAL);
}

static struct vk_case nsa(const struct shape *s)
{
    struct vk_case c = vk_case(LTE_OP_NSA);
    c.values = 5;
    c.width[0] = c.width[4] = s->heads * s->dim;
    c.width[1] = c.width[2] = s->key_heads * s->dim;
    c.width[3] = 3 * s->heads;
    for (lte_value v = 0; v < 4; v++) {
        c.given[v] = true;
        c.op.in[v] = v;
    }
    c.op.out = 4;
    c.op.nsa = (struct lte_nsa_op){.heads = s->heads,
                                   .key_heads = s->key_heads,
                                   .head_dim = s->dim,
                                   .block = s->block,
                                   .top = s->top,
                                   .window = s->window};
    c.params.kv_dtype = s->type;
    c.params.max_tokens = s->tokens;
    c.params.batch = 150;
    c.draw = draw;
    c.tolerance = 4e-6;
    for (c.steps = 0; c.steps < VK_STEPS && s->rows[c.steps]; c.steps++)
        c.rows[c.steps] = s->rows[c.steps];
    return c;
}

int main(int argc, char **argv)
{
    static const enum lte_dtype f32 = LTE_DTYPE_F32, bf16 = LTE_DTYPE_BF16, f16 = LTE_DTYPE_F16;
    const struct shape shape[] = {
        {"blocks of 4", 4, 2, 16, 4, 5, 10, 250, f32, {1, 30, 1, 130, 1, 1, 17}},
        {"blocks of 3, odd heads", 5, 1, 9, 3, 4, 7, 90, f32, {1, 40, 1, 1, 20}},
        {"blocks of 8, a group of 6", 6, 1, 20, 8, 3, 1, 140, bf16, {50, 1, 1, 30, 1}},
        {"one block selected", 2, 2, 8, 2, 1, 4, 70, f16, {20, 1, 1, 30}},
        {"all blocks selected", 2, 1, 8, 4, 100, 300, 60, f32, {30, 1, 20}},
        {"blocks of one token", 4, 4, 4, 1, 40, 3, 420, f32, {140, 140, 1, 100}},
        {"never a whole block", 2, 1, 4, 64, 4, 8, 30, f32, {20, 1}}};
    char name[80];
    check_begin(argc, argv, "vk_nsa");
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = nsa(&shape[i]);
        snprintf(name, sizeof name, "nsa, %s", shape[i].name);
        vk_check(&c, name);
    }
    struct vk_case c = nsa(&(struct shape){"", 4, 2, 16, 2, 2, 3, 30, f32, {0}});
    c.sessions = 3;
    c.steps = VK_STEPS;
    vk_check(&c, "nsa of three sessions");
    c = nsa(&(struct shape){"", 1, 1, 7, 2, 2, 3, 30, f16, {1}});
    vk_check_refused(&c, "nsa: 16-bit keys of 7", "nsa with odd heads, 16 bits");
    c = nsa(&(struct shape){"", 1, 1, 513, 2, 2, 3, 30, f32, {1}});
    vk_check_refused(&c, "nsa: heads of 513", "nsa with heads that are too long");
    vk_end();
    return check_end();
}
