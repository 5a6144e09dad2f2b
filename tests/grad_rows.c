// SPDX-License-Identifier: BSD-2-Clause
// Gradients of the row-wise ops.
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

static const size_t segments[] = {5, 1, 12};

static struct grad_case elementwise(struct lte_context *context, enum lte_op_kind kind, size_t inputs,
                                    size_t width)
{
    struct grad_case c = {.context = context,
                          .op = {.kind = kind, .in = {0, inputs == 2 ? 1 : LTE_NO_VALUE,
                                                      LTE_NO_VALUE, LTE_NO_VALUE},
                                 .out = (lte_value)inputs},
                          .inputs = inputs, .outputs = 1, .segment = segments, .segments = 3};
    for (size_t i = 0; i <= inputs; i++)
        c.width[i] = width;
    for (size_t i = 0; i < inputs; i++)
        c.in[i] = grad_normal(grad_rows(&c) * width, 2);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * width, 1);
    return c;
}

static void drop(struct grad_case *c)
{
    for (size_t i = 0; i < GRAD_INPUTS; i++)
        free(c->in[i]);
    free(c->out_gradient[0]);
    grad_free(c);
}

static void add_forward(const struct grad_case *c, double *const *in, double *const *weight,
                        double *const *out)
{
    (void)weight;
    for (size_t i = 0; i < grad_rows(c) * c->width[0]; i++)
        out[0][i] = in[0][i] + in[1][i];
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "grad_rows");
    struct lte_context *context = inside_context(NULL, 1);
    struct grad_case c = elementwise(context, LTE_OP_ADD, 2, 37);
    grad_check(&c, add_forward, 1e-6, "add");
    drop(&c);
    lte_close(context);
    return check_end();
}
