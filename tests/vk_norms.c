// SPDX-License-Identifier: BSD-2-Clause
// rmsnorm, l2norm and gated_norm on Vulkan devices.
#include "config.h"

#include <stdio.h>

#include "tests/vk_rig.h"

static struct vk_case rmsnorm(const float *weight, size_t vectors, size_t width)
{
    struct vk_case c = vk_case(LTE_OP_RMSNORM);
    c.values = 2;
    c.width[0] = c.width[1] = vectors * width;
    c.given[0] = true;
    c.op.in[0] = 0;
    c.op.out = 1;
    c.op.norm = (struct lte_norm_op){
        .weight = weight, .vectors = vectors, .width = width, .eps = 1e-6f, .scale = 1};
    return c;
}

static void sizes(const float *weight)
{
    static const size_t width[] = {1, 2, 127, 128, 129, 300};
    char name[64];
    for (size_t i = 0; i < sizeof width / sizeof *width; i++) {
        const struct vk_case c = rmsnorm(i % 2 ? weight : NULL, 1 + i % 3, width[i]);
        snprintf(name, sizeof name, "rmsnorm %zu x %zu", c.op.norm.vectors, width[i]);
        vk_check(&c, name);
    }
}

static void fills(const float *weight)
{
    char name[64];
    for (int fill = 0; fill < CHECK_FILLS; fill++) {
        struct vk_case c = rmsnorm(weight, 1, 200);
        c.fill = (enum check_fill)fill;
        snprintf(name, sizeof name, "rmsnorm of %s inputs", check_fill_name(c.fill));
        vk_check(&c, name);
    }
}

static void places(const float *weight)
{
    struct vk_case c = rmsnorm(weight, 2, 40);
    c.width[0] = 100;
    c.op.norm.column = 13;
    c.op.out = 0; // in place, between columns that stay
    c.values = 1;
    vk_check(&c, "rmsnorm in place, some columns");
    c = rmsnorm(weight, 1, 40);
    c.width[1] = 90;
    c.rows[0] = 9;
    c.wanted = 2;
    vk_check(&c, "rmsnorm of the last two rows, wider output");
}

// Heads of a row: l2norm scales some, gated_norm has another row as its gate.
static void heads(const float *weight)
{
    char name[64];
    for (int fill = 0; fill < CHECK_FILLS; fill++) {
        struct vk_case c = rmsnorm(NULL, 5, 37);
        c.op.kind = LTE_OP_L2NORM;
        c.op.norm.scaled = 2;
        c.op.norm.scale = 0.25f;
        c.fill = (enum check_fill)fill;
        snprintf(name, sizeof name, "l2norm of %s inputs", check_fill_name(c.fill));
        vk_check(&c, name);
        c = rmsnorm(weight, 3, 130);
        c.op.kind = LTE_OP_GATED_NORM;
        c.given[1] = true;
        c.op.in[1] = 1;
        c.op.out = (lte_value)fill % 3; // in place of its input, or of the gate, or neither
        c.values = c.op.out == 2 ? 3 : 2;
        c.width[2] = c.width[0];
        c.fill = (enum check_fill)fill;
        snprintf(name, sizeof name, "gated_norm of %s inputs", check_fill_name(c.fill));
        vk_check(&c, name);
    }
}

// Groups that each have weights of their own, and a vector between columns that stay.
static void others(const float *weight)
{
    struct vk_case c = rmsnorm(weight, 7, 41);
    c.op.norm.own = true;
    vk_check(&c, "rmsnorm, weights for every vector");
    c.op.kind = LTE_OP_GATED_NORM;
    c.given[1] = true;
    c.op.in[1] = 1;
    c.values = 3;
    c.width[2] = c.width[0];
    c.op.out = 2;
    vk_check(&c, "gated_norm, weights for every vector");
    c = rmsnorm(weight, 1, 131);
    c.values = 1;
    c.width[0] = 190;
    c.op.kind = LTE_OP_LAYERNORM;
    c.op.norm.bias = weight + 140;
    c.op.norm.column = 27;
    c.op.out = 0;
    c.sessions = 3;
    vk_check(&c, "layernorm");
}

int main(int argc, char **argv)
{
    float weight[300];
    check_begin(argc, argv, "vk_norms");
    check_fill(weight, 300, CHECK_NORMAL);
    sizes(weight);
    fills(weight);
    places(weight);
    heads(weight);
    others(weight);
    vk_end();
    return check_end();
}
