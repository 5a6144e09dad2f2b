// SPDX-License-Identifier: BSD-2-Clause
// Elementwise functions: the definition, through the double functions of libm.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}

static double silu_of(double x)
{
    return x == -INFINITY ? -0.0 : x * sigmoid_of(x);
}

static void vexp(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)exp(x[i]);
}

static void sigmoid(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)sigmoid_of(x[i]);
}

static void silu(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)silu_of(x[i]);
}

static void softplus(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 20 ? x[i] : (float)log1p(exp(x[i]));
}

static void swiglu(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(silu_of(a[i]) * b[i]);
}

static void add(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void lte_ref_activation(struct lte_kernels *k)
{
    k->vexp = vexp;
    k->sigmoid = sigmoid;
    k->silu = silu;
    k->softplus = softplus;
    k->swiglu = swiglu;
    k->add = add;
}
