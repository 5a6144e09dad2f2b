// SPDX-License-Identifier: BSD-2-Clause
// short_conv on Vulkan devices: values and tails, however the tokens are split.
#include "config.h"

#include <stdio.h>

#include "tests/vk_rig.h"

static struct vk_case conv(const float *weight, size_t taps, size_t channels)
{
    struct vk_case c = vk_case(LTE_OP_SHORT_CONV);
    c.values = 2;
    c.width[0] = c.width[1] = channels;
    c.given[0] = true;
    c.op.in[0] = 0;
    c.op.out = 1;
    c.op.short_conv = (struct lte_short_conv_op){weight, channels, taps, NULL};
    return c;
}

int main(int argc, char **argv)
{
    static const size_t taps[] = {1, 2, 4, 5, 12};
    static const size_t channels[] = {1, 127, 128, 300, 40};
    float weight[1200];
    char name[80];
    check_begin(argc, argv, "vk_short_conv");
    check_fill(weight, sizeof weight / sizeof *weight, CHECK_NORMAL);
    for (size_t i = 0; i < sizeof taps / sizeof *taps; i++) {
        struct vk_case c = conv(weight, taps[i], channels[i] * taps[i] > 1200 ? 200 : channels[i]);
        c.steps = 5;
        c.rows[0] = 3;
        c.rows[1] = c.rows[2] = 1;
        c.rows[3] = 40;
        c.rows[4] = 9;
        snprintf(name, sizeof name, "short_conv %zu taps, %zu channels", taps[i], c.width[0]);
        vk_check(&c, name);
    }
    struct vk_case c = conv(weight, 4, 150);
    c.sessions = 3;
    c.steps = 6;
    vk_check(&c, "short_conv of three sessions");
    c.op.short_conv.bias = weight + 700;
    vk_check(&c, "short_conv with a bias");
    c = conv(weight, 34, 3);
    vk_check_refused(&c, "34 taps", "short_conv of too many taps");
    vk_end();
    return check_end();
}
