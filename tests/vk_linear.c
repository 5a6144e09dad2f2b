// SPDX-License-Identifier: BSD-2-Clause
// Products on Vulkan devices: every type of weight, few and many tokens, odd sizes, several parts.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vk/device.h"
#include "tests/vk_rig.h"

static const char *const type_name[] = {"fp32", "bf16", "f16"};

// Weights of a type; the caller frees them.
static void *weights(enum lte_dtype type, size_t n)
{
    float *wide = malloc(n * sizeof *wide);
    check_fill(wide, n, CHECK_NORMAL);
    if (type != LTE_DTYPE_F32) {
        uint16_t *half = malloc(n * sizeof *half);
        check_ref()->narrow[type](half, wide, n);
        free(wide);
        return half;
    }
    return wide;
}

static struct vk_case linear(enum lte_dtype type, const void *w, size_t rows, size_t cols,
                             size_t tokens)
{
    struct vk_case c = vk_case(LTE_OP_LINEAR);
    c.values = 2;
    c.width[0] = cols;
    c.width[1] = rows;
    c.given[0] = true;
    c.op.in[0] = 0;
    c.rows[0] = tokens;
    c.op.linear = (struct lte_linear_op){
        .parts = 1, .part = {{.weight = {w, type, rows, cols}, .out = 1}}};
    c.tolerance = 3e-6;
    return c;
}

static void sizes(enum lte_dtype type)
{
    static const size_t size[][3] = {// rows, columns, tokens
                                     {1, 1, 1},     {5, 7, 3},     {33, 64, 1},   {70, 264, 2},
                                     {130, 72, 5},  {20, 1032, 8}, {9, 129, 11},  {64, 64, 64},
                                     {65, 72, 25},  {3, 40, 64},   {129, 31, 33}, {66, 200, 24},
                                     {16300, 24, 40}}; // the large tiles
    char name[96];
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        const size_t rows = size[i][0], cols = size[i][1], tokens = size[i][2];
        void *w = weights(type, rows * cols);
        const struct vk_case c = linear(type, w, rows, cols, tokens);
        snprintf(name, sizeof name, "%s %zu x %zu, %zu tokens", type_name[type], rows, cols, tokens);
        vk_check(&c, name);
        vk_end(); // weights are known by their address
        free(w);
    }
}

// Numbers of every size: tokens from 1e-30 to 1e30, each with one input far above the others.
static void draw_sizes(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const size_t n = c->width[value];
    check_fill(x, rows * n, CHECK_NORMAL);
    for (size_t r = 0; r < rows; r++) {
        const float size = powf(10, (float)(r % 13) * 5 - 30);
        for (size_t i = 0; i < n; i++)
            x[r * n + i] *= size * (i == r % n ? 1000 : 1);
    }
}

// Every token's outputs are compared on their own.
static void extremes(enum lte_dtype type, unsigned without, const char *how)
{
    enum { ROWS = 70, COLS = 136, TOKENS = 26 };
    char name[96];
    float *wide = malloc(ROWS * COLS * sizeof *wide);
    uint16_t *w = malloc(ROWS * COLS * sizeof *w);
    check_fill(wide, ROWS * COLS, CHECK_NORMAL);
    for (size_t i = 0; i < ROWS * COLS && type == LTE_DTYPE_BF16; i++)
        wide[i] *= 1e-3f;
    check_ref()->narrow[type](w, wide, ROWS * COLS);
    struct vk_case c = linear(type, w, ROWS, COLS, TOKENS);
    c.draw = draw_sizes;
    c.without = without;
    c.by_row = true;
    snprintf(name, sizeof name, "%s, inputs of all sizes%s", type_name[type], how);
    vk_check(&c, name);
    vk_end();
    free(w);
    free(wide);
}

// Parts of several types into shared and separate outputs, with and without bias, one the logits.
static void parts(size_t tokens, size_t sessions, size_t wanted)
{
    enum { COLS = 48 };
    const size_t rows[] = {30, 9, 17};
    void *w[3];
    float bias[30];
    char name[96];
    struct vk_case c = linear(LTE_DTYPE_F32, NULL, 60, COLS, tokens);
    check_fill(bias, 30, CHECK_NORMAL);
    c.sessions = sessions;
    c.wanted = wanted;
    c.values = 3;
    c.width[2] = 17;
    c.vocabulary = 17;
    c.op.linear.parts = 3;
    for (unsigned i = 0; i < 3; i++) {
        w[i] = weights((enum lte_dtype)i, rows[i] * COLS);
        c.op.linear.part[i] =
            (struct lte_linear_part){.weight = {w[i], (enum lte_dtype)i, rows[i], COLS},
                                     .bias = i == 1 ? NULL : bias,
                                     .out = i == 2 ? wanted ? LTE_LOGITS_VALUE : 2 : 1,
                                     .column = i == 1 ? 45 : 0};
    }
    if (wanted) { // the caller's logits are all that the head writes
        c.op.linear.part[0] = c.op.linear.part[2];
        c.op.linear.parts = 1;
    }
    c.draw = NULL;
    snprintf(name, sizeof name, "%u parts, %zu tokens of %zu sessions%s", c.op.linear.parts,
             sessions > 1 ? sessions : tokens, sessions, wanted ? ", logits" : "");
    vk_check(&c, name);
    vk_end();
    for (unsigned i = 0; i < 3; i++)
        free(w[i]);
}

// Parts of one type whose outputs lie side by side, and one whose output does not.
static void side_by_side(enum lte_dtype type, size_t tokens)
{
    enum { COLS = 64 };
    static const size_t rows[] = {36, 8, 24, 12}, column[] = {0, 36, 44, 70};
    void *w[4];
    char name[96];
    struct vk_case c = linear(type, NULL, 82, COLS, tokens);
    c.op.linear.parts = 4;
    for (unsigned i = 0; i < 4; i++) {
        w[i] = weights(type, rows[i] * COLS);
        c.op.linear.part[i] = (struct lte_linear_part){
            .weight = {w[i], type, rows[i], COLS}, .out = 1, .column = column[i]};
    }
    snprintf(name, sizeof name, "%s, parts side by side, %zu tokens", type_name[type], tokens);
    vk_check(&c, name);
    vk_end();
    for (unsigned i = 0; i < 4; i++)
        free(w[i]);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "vk_linear");
    for (int type = 0; type < 3; type++)
        sizes((enum lte_dtype)type);
    for (int type = LTE_DTYPE_BF16; type <= LTE_DTYPE_F16; type++) {
        extremes((enum lte_dtype)type, 0, "");
        extremes((enum lte_dtype)type, LTE_VK_COOPERATIVE, ", one product at a time");
    }
    parts(1, 1, 0);
    parts(40, 1, 0);
    parts(1, 6, 0);
    parts(9, 1, 4);
    side_by_side(LTE_DTYPE_BF16, 1);
    side_by_side(LTE_DTYPE_F32, 5);
    side_by_side(LTE_DTYPE_F16, 30);
    vk_end();
    return check_end();
}
