// SPDX-License-Identifier: BSD-2-Clause
// Ops that work row by row on Vulkan devices: elementwise functions, gates, rotation, embedding.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/vk_rig.h"

// `inputs` values of a width, and an output of it.
static struct vk_case same_width(enum lte_op_kind kind, size_t inputs, size_t width)
{
    struct vk_case c = vk_case(kind);
    c.values = inputs + 1;
    for (size_t i = 0; i <= inputs; i++)
        c.width[i] = width;
    for (size_t i = 0; i < inputs; i++) {
        c.op.in[i] = (lte_value)i;
        c.given[i] = true;
    }
    c.op.out = (lte_value)inputs;
    return c;
}

static void in_place(struct vk_case *c)
{
    c->values--;
    c->op.out = 0;
}

static void elementwise(void)
{
    static const struct {
        enum lte_op_kind kind;
        const char *name;
        size_t inputs;
    } op[] = {{LTE_OP_ADD, "add", 2}, {LTE_OP_SWIGLU, "swiglu", 2}, {LTE_OP_SILU, "silu", 1}};
    char name[64];
    for (size_t i = 0; i < sizeof op / sizeof *op; i++) {
        for (int fill = 0; fill < CHECK_FILLS; fill++) {
            struct vk_case c = same_width(op[i].kind, op[i].inputs, 131);
            c.fill = (enum check_fill)fill;
            c.rows[0] = 1 + 9 * (size_t)fill;
            snprintf(name, sizeof name, "%s of %s inputs", op[i].name, check_fill_name(c.fill));
            vk_check(&c, name);
        }
        struct vk_case c = same_width(op[i].kind, op[i].inputs, 64);
        in_place(&c);
        snprintf(name, sizeof name, "%s in place", op[i].name);
        vk_check(&c, name);
        c = same_width(op[i].kind, op[i].inputs, 64);
        c.rows[0] = 7;
        c.wanted = 3;
        snprintf(name, sizeof name, "%s of the last three rows", op[i].name);
        vk_check(&c, name);
    }
}

static void gates(const float *weight)
{
    struct vk_case c = same_width(LTE_OP_SPLIT, 1, 12);
    c.width[0] = 50;
    c.op.split = (struct lte_split_op){.vectors = 3, .width = 4, .stride = 15, .column = 7};
    vk_check(&c, "split");
    for (int one = 0; one < 2; one++) {
        c = same_width(LTE_OP_SDPA_GATE, 2, 15);
        c.width[1] = 40;
        c.op.sdpa_gate = (struct lte_sdpa_gate_op){
            .vectors = 3, .width = 5, .stride = 11, .column = 2, .one = one};
        vk_check(&c, one ? "sdpa_gate, one number a vector" : "sdpa_gate");
        c = same_width(LTE_OP_LOOP_GATE, 2, 140);
        c.op.loop_gate = (struct lte_loop_gate_op){.weight = weight, .width = 140, .one = one};
        vk_check(&c, one ? "loop_gate, one number" : "loop_gate");
        c.width[1] = 151;
        vk_check(&c, one ? "loop_gate from a wider value, one number" : "loop_gate from a wider value");
    }
}

// Logits far from where a chance more or less decides: what rounds otherwise may not leave
// otherwise.
static void draw_exit(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    static const float logit[] = {-9, -1, 0, 9, 2};
    for (size_t i = 0; i < rows * c->width[value]; i++)
        x[i] = value == 1 ? logit[check_below(5)] : check_normal();
}

static void loop_exits(void)
{
    struct vk_case c = same_width(LTE_OP_LOOP_EXIT, 3, 130);
    c.width[1] = 4;
    c.draw = draw_exit;
    c.rows[0] = 40;
    c.op.loop_exit = (struct lte_loop_exit_op){.loop = 3, .threshold = 0.7f};
    vk_check(&c, "loop_exit");
    c.op.loop_exit.loop = 0;
    vk_check(&c, "loop_exit before the first loop");
    c.op.loop_exit.loop = 2;
    c.sessions = 5;
    c.params.exit_threshold = 0.95f;
    vk_check(&c, "loop_exit of several sessions, by their threshold");
    c.params.exit_weighted = 1;
    for (uint32_t loop = 0; loop <= 4; loop += 2) {
        c.op.loop_exit.loop = loop;
        vk_check(&c, "loop_exit, weighted");
    }
}

static void ropes(void)
{
    static const double inv_freq[] = {1, 0.31622776601683794, 0.1, 1e-3, 1.2345e-5, 2.5};
    struct vk_case c = vk_case(LTE_OP_ROPE_ANGLES);
    c.values = 1;
    c.width[0] = 12;
    c.op.out = 0;
    c.op.rope = (struct lte_rope_op){.inv_freq = inv_freq, .head_dim = 12};
    c.steps = 3;
    c.rows[0] = 64;
    c.rows[1] = 1;
    c.rows[2] = 33;
    vk_check(&c, "rope_angles");
    c.sessions = 4;
    vk_check(&c, "rope_angles of several sessions");
    for (int pairs = 0; pairs < 2; pairs++) {
        c = same_width(LTE_OP_ROPE, 2, 300);
        c.width[1] = 60;
        c.op.rope = (struct lte_rope_op){.heads = 5, .head_dim = 60, .pairs = pairs};
        vk_check(&c, pairs ? "rope of pairs" : "rope");
        in_place(&c);
        vk_check(&c, pairs ? "rope of pairs in place" : "rope in place");
        c.width[0] = 323;
        c.op.rope.stride = 64;
        vk_check(&c, pairs ? "rope of pairs, some of a head" : "rope, some of a head");
    }
}

static void embeds(void)
{
    static const char *const type[] = {"fp32", "bf16", "f16"};
    enum { ROWS = 37, COLS = 135 };
    float *wide = malloc(ROWS * COLS * sizeof *wide);
    uint16_t *half = malloc(ROWS * COLS * sizeof *half);
    char name[64];
    check_fill(wide, ROWS * COLS, CHECK_NORMAL);
    for (size_t i = 0; i < ROWS * COLS; i++) // f16: numbers below the smallest normal one, too
        half[i] = (uint16_t)((check_random() & 0xbfff) >> (i % 3 ? 0 : 5) | (i % 2 ? 0x8000 : 0));
    for (int t = 0; t < 3; t++) {
        struct vk_case c = vk_case(LTE_OP_EMBED);
        c.values = 1;
        c.width[0] = COLS;
        c.op.out = 0;
        c.vocabulary = ROWS;
        c.rows[0] = 50;
        c.tolerance = 0; // widening is exact
        c.op.embed.table = (struct lte_matrix){
            t ? (const void *)half : wide, (enum lte_dtype)t, ROWS, COLS};
        snprintf(name, sizeof name, "embed from %s", type[t]);
        vk_check(&c, name);
    }
    vk_end();
    free(wide);
    free(half);
}

int main(int argc, char **argv)
{
    float weight[140];
    check_begin(argc, argv, "vk_rows");
    check_fill(weight, 140, CHECK_NORMAL);
    elementwise();
    gates(weight);
    loop_exits();
    ropes();
    embeds();
    vk_end();
    return check_end();
}
