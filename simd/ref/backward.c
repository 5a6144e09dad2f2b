// SPDX-License-Identifier: BSD-2-Clause
// Gradients of activations and norms: the definition, in double.
#include "config.h"

#include <math.h>

#include "simd/install.h"

static double silu_of(double x)
{
    return x == -INFINITY ? -0.0 : x / (1 + exp(-x));
}

static double slope_of(double x)
{
    if (isinf(x))
        return x > 0;
    const double s = 1 / (1 + exp(-x));
    return s * (1 + x * (1 - s));
}

static void silu_back(float *dx, const float *dy, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = (float)(dx[i] + dy[i] * slope_of(x[i]));
}

static void swiglu_back(float *da, float *db, const float *dy, const float *a, const float *b,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        da[i] = (float)(da[i] + (double)dy[i] * b[i] * slope_of(a[i]));
        db[i] = (float)(db[i] + dy[i] * silu_of(a[i]));
    }
}

static double sum_of_squares(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void rmsnorm_back(float *dx, float *dw, const float *dy, const float *x, const float *w,
                         size_t n, float eps)
{
    const double r = 1 / sqrt(sum_of_squares(x, n) / (double)n + eps);
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += (double)dy[i] * (w ? w[i] : 1) * x[i];
    for (size_t i = 0; i < n; i++) {
        const double g = (double)dy[i] * (w ? w[i] : 1);
        dx[i] = (float)(dx[i] + r * (g - x[i] * r * r * dot / (double)n));
        if (dw)
            dw[i] = (float)(dw[i] + dy[i] * (x[i] * r));
    }
}

static void l2norm_back(float *dx, const float *dy, const float *x, size_t n, float eps,
                        float scale)
{
    const double sum = sum_of_squares(x, n) + eps, r = sum == 0 ? 0 : 1 / sqrt(sum);
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += (double)dy[i] * x[i];
    for (size_t i = 0; i < n; i++)
        dx[i] = (float)(dx[i] + scale * r * (dy[i] - x[i] * r * r * dot));
}

static void gated_norm_back(float *dx, float *dgate, float *dw, const float *dy, const float *x,
                            const float *gate, const float *w, size_t n, float eps)
{
    const double r = 1 / sqrt(sum_of_squares(x, n) / (double)n + eps);
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += (double)dy[i] * silu_of(gate[i]) * w[i] * x[i];
    for (size_t i = 0; i < n; i++) {
        const double open = dy[i] * silu_of(gate[i]), normed = x[i] * r;
        dx[i] = (float)(dx[i] + r * (open * w[i] - normed * r * dot / (double)n));
        dgate[i] = (float)(dgate[i] + dy[i] * normed * w[i] * slope_of(gate[i]));
        if (dw)
            dw[i] = (float)(dw[i] + open * normed);
    }
}

void lte_ref_backward(struct lte_kernels *k)
{
    k->silu_back = silu_back;
    k->swiglu_back = swiglu_back;
    k->rmsnorm_back = rmsnorm_back;
    k->l2norm_back = l2norm_back;
    k->gated_norm_back = gated_norm_back;
}
