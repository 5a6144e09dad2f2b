// SPDX-License-Identifier: BSD-2-Clause
// dsa on Vulkan devices. Which tokens are selected is a decision: index queries and keys are whole
// numbers, so that scores are equal, to the bit, or differ by far more than anything rounds.
#include "config.h"

#include <stdio.h>

#include "tests/vk_rig.h"

struct shape {
    const char *name;
    size_t heads, key_heads, dim, index_heads, index_dim, top, first, last, tokens;
    enum lte_index_rule rule;
    enum lte_dtype type;
    size_t rows[VK_STEPS];
};

// Where weights are not scaled by a power of two, one head alone has any: there is no sum to round.
static void draw_index(const struct lte_dsa_op *o, size_t width, float *x)
{
    const size_t numbers = o->index_heads * o->index_dim, keys = numbers + o->index_dim;
    const size_t alone = check_below((uint32_t)o->index_heads);
    const bool exact = (numbers & (numbers - 1)) == 0 && numbers % 3 == 1;
    for (size_t i = 0; i < width; i++)
        x[i] = i < numbers ? (float)check_below(3) - 1
               : i < keys  ? (float)check_below(5) - 2
               : exact || i - keys == alone ? ((float)check_below(8) - 2) / 4
                                            : 0;
}

static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const size_t width = c->width[value];
    for (size_t r = 0; value == 3 && r < rows; r++)
        draw_index(&c->op.dsa, width, x + r * width);
    if (value < 3)
        check_fill(x, rows * width, CHECK_NORMAL);
}

static struct vk_case dsa(const struct shape *s)
{
    struct vk_case c = vk_case(LTE_OP_DSA);
    c.values = 5;
    c.width[0] = c.width[4] = s->heads * s->dim;
    c.width[1] = c.width[2] = s->key_heads * s->dim;
    c.width[3] = (s->index_heads + 1) * s->index_dim +
                 (s->rule == LTE_INDEX_RELU ? s->index_heads : 0);
    for (lte_value v = 0; v < 4; v++) {
        c.given[v] = true;
        c.op.in[v] = v;
    }
    c.op.out = 4;
    c.op.dsa = (struct lte_dsa_op){.heads = s->heads,
                                   .key_heads = s->key_heads,
                                   .head_dim = s->dim,
                                   .index_heads = s->index_heads,
                                   .index_dim = s->index_dim,
                                   .top = s->top,
                                   .first = s->first,
                                   .last = s->last,
                                   .rule = s->rule};
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
    static const enum lte_index_rule relu = LTE_INDEX_RELU, dot = LTE_INDEX_DOT;
    const struct shape shape[] = {
        {"8 tokens", 4, 2, 16, 4, 16, 8, 0, 0, 250, relu, f32, {1, 30, 1, 130, 1, 1, 17}},
        {"40 tokens, some forced", 2, 2, 8, 2, 8, 40, 2, 3, 400, relu, f32, {130, 1, 130, 60}},
        {"3 tokens, odd sizes", 3, 1, 33, 5, 7, 3, 1, 1, 90, relu, f32, {17, 1, 40, 1}},
        {"long index keys", 20, 1, 10, 3, 130, 20, 0, 1, 140, relu, bf16, {50, 1, 1, 30, 1}},
        {"the mean of heads", 4, 4, 12, 3, 10, 5, 0, 0, 90, dot, f16, {40, 1, 1, 20}},
        {"one token", 2, 1, 4, 1, 4, 1, 0, 0, 60, dot, f32, {20, 1, 1, 30}},
        {"forced tokens alone", 2, 1, 64, 1, 16, 4, 2, 9, 60, relu, f32, {30, 1, 20}},
        {"all tokens", 2, 1, 64, 1, 16, 2000, 0, 0, 60, relu, f32, {30, 1, 20}}};
    char name[80];
    check_begin(argc, argv, "vk_dsa");
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        struct vk_case c = dsa(&shape[i]);
        snprintf(name, sizeof name, "dsa, %s", shape[i].name);
        vk_check(&c, name);
    }
    struct vk_case c = dsa(&(struct shape){"", 4, 2, 16, 4, 16, 3, 0, 0, 30, relu, f32, {0}});
    c.sessions = 3;
    c.steps = VK_STEPS;
    vk_check(&c, "dsa of three sessions");
    c = dsa(&(struct shape){"", 1, 1, 8, 1, 7, 2, 0, 0, 30, relu, f16, {1}});
    vk_check_refused(&c, "dsa: 16-bit keys of 7", "dsa with odd index keys, 16 bits");
    c = dsa(&(struct shape){"", 1, 1, 513, 1, 8, 2, 0, 0, 30, relu, f32, {1}});
    vk_check_refused(&c, "dsa: heads of 513", "dsa with heads that are too long");
    vk_end();
    return check_end();
}
