// SPDX-License-Identifier: BSD-2-Clause
// Gradient of align, and the sum that it keeps.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

enum { WIDTH = 19 };

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    (void)weight;
    for (size_t r = 0; r < grad_rows(c); r++) {
        double sum = 0;
        for (size_t i = 0; i < WIDTH; i++)
            sum += pow(in[0][r * WIDTH + i] - in[1][r * WIDTH + i], 2);
        out[0][r] = sqrt(sum / WIDTH);
    }
}

int main(int argc, char **argv)
{
    static const size_t segments[] = {5, 1, 40};
    struct lte_context *context = inside_context("ref", 1);
    struct grad_case c = {.context = context,
                          .op = {.kind = LTE_OP_ALIGN, .out = 2, .align = {.width = WIDTH}},
                          .inputs = 2, .outputs = 1, .width = {WIDTH, WIDTH, 1},
                          .segment = segments, .segments = 3};
    check_begin(argc, argv, "grad_align");
    c.op.in[1] = 1;
    c.op.in[2] = c.op.in[3] = LTE_NO_VALUE;
    for (size_t i = 0; i < 2; i++)
        c.in[i] = grad_normal(grad_rows(&c) * WIDTH, 1);
    c.out_gradient[0] = grad_normal(grad_rows(&c), 1);
    grad_check(&c, forward, 3e-6, "align");
    memcpy(c.in[0], c.in[1], WIDTH * sizeof(float)); // nothing to learn, and no 0/0
    const struct grad_run run = {.threads = 1};
    bool good = grad_run(&c, &run) && c.out[0][0] == 0 && c.out[0][1] > 0;
    for (size_t i = 0; good && i < WIDTH; i++)
        good = c.in_gradient[0][i] == 0;
    check_ok(good, "align: equal outputs pull nothing");
    for (size_t i = 0; i < 2; i++)
        free(c.in[i]);
    free(c.out_gradient[0]);
    grad_free(&c);
    lte_close(context);
    return check_end();
}
