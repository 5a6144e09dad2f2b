// SPDX-License-Identifier: BSD-2-Clause
// Retained buffers on Vulkan devices: orders of scores that are hard on a plan which is made for
// all tokens of a call at once. Every byte of the state is compared: who is retained, and in which
// slot.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tests/vk_rig.h"

enum order { EQUAL, RISING, FALLING, PAIRS, STAIRS, WAVES, FEW, RARE, DISTINCT, ORDERS };
static const char *const order_name[ORDERS] = {"equal", "rising", "falling", "rising in pairs",
                                               "rising in stairs", "in waves", "of few values",
                                               "mostly none", "distinct"};
static enum order order;
static unsigned tokens; // that were drawn

static float score(unsigned i)
{
    switch (order) {
    case EQUAL:
        return 0.5f;
    case RISING:
        return (float)(1 + i);
    case FALLING:
        return 1 / (float)(1 + i);
    case PAIRS:
        return (float)(1 + i / 2);
    case STAIRS:
        return (float)(1 + i / 29);
    case WAVES:
        return (float)(1 + i % 23 + i / 40);
    case FEW:
        return (float)(1 + check_below(4));
    case RARE:
        return check_below(6) ? 0 : (float)(1 + check_below(3));
    default:
        return (float)(1 + check_below(1u << 24));
    }
}

static void draw(const struct vk_case *c, lte_value value, float *x, size_t rows)
{
    const size_t width = c->width[value];
    check_fill(x, rows * width, CHECK_NORMAL);
    for (size_t i = 0; value == 3 && i < rows; i++, tokens++)
        for (size_t h = 0; h < width; h++)
            x[i * width + h] = score(tokens + (unsigned)h);
}

static struct vk_case evict(size_t window, size_t slots)
{
    static const size_t rows[] = {7, 150, 1, 64, 200, 1, 2, 90};
    struct vk_case c = vk_case(LTE_OP_ATTEND);
    c.values = 5;
    for (lte_value v = 0; v < 4; v++) {
        c.width[v] = v == 3 ? 2 : 8;
        c.given[v] = true;
        c.op.in[v] = v;
    }
    c.op.out = 4;
    c.width[4] = 8;
    c.op.attend = (struct lte_attend_op){.heads = 2,
                                         .key_heads = 2,
                                         .head_dim = 4,
                                         .window = window,
                                         .buffer = slots,
                                         .sinks = 3,
                                         .delay = 2,
                                         .retains = true};
    c.params.batch = 200;
    c.draw = draw;
    c.same = vk_same_words;
    c.tolerance = 4e-6;
    c.steps = sizeof rows / sizeof *rows;
    memcpy(c.rows, rows, sizeof rows);
    return c;
}

static void check(struct vk_case *c, const char *what)
{
    char name[80];
    tokens = 0;
    snprintf(name, sizeof name, "scores %s%s", order_name[order], what);
    vk_check(c, name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "vk_evict");
    static const uint32_t shared[] = {0, 2560, 1024};
    static const char *const how[] = {"", ", some at a time", ", without shared memory"};
    for (order = 0; order < ORDERS; order++)
        for (unsigned i = 0; i < 3; i++) {
            struct vk_case c = evict(9, 40);
            c.shared = shared[i]; // 2560: for 96 tokens beside the slots
            if (order == PAIRS || order == FEW || order % 3 == i)
                check(&c, how[i]);
        }
    order = FEW;
    struct vk_case c = evict(3, 2);
    c.sessions = 3;
    check(&c, ", three sessions");
    c = evict(5, 700);
    check(&c, ", more slots than tokens");
    c = evict(300, 100);
    check(&c, ", a window longer than the calls");
    c = evict(9, 1);
    check(&c, ", one slot");
    vk_end();
    return check_end();
}
