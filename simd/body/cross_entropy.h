// SPDX-License-Identifier: BSD-2-Clause
// Softmax cross-entropy over the vector vocabulary of vec.h: one pass for the largest logit, one
// for the exponentials and their sum, one that scales them.
#ifndef LTE_SIMD_BODY_CROSS_ENTROPY_H
#define LTE_SIMD_BODY_CROSS_ENTROPY_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "simd/body/inline.h"
#include "simd/body/math.h"

enum { CE_BLOCK = 64 * VL }; // terms added up in fp32 before they join the sum in double

// -Inf of none.
static float ce_largest(const float *x, size_t n)
{
    V a = v_set1(-INFINITY), b = a;
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        a = v_max(a, v_load(x + i));
        b = v_max(b, v_load(x + i + VL));
    }
    float top = v_max_all(v_max(a, b));
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

// The last n < VL exponentials, 0 where there are none.
LTE_INLINE V ce_exp_tail(const float *x, size_t n, V top)
{
    float tail[VL];
    for (size_t i = 0; i < VL; i++)
        tail[i] = -INFINITY;
    memcpy(tail, x, n * sizeof *x);
    return v_exp(v_sub(v_load(tail), top));
}

// The sum of n <= CE_BLOCK exponentials of x - top; they are kept in e where `keep`.
LTE_INLINE float ce_block(float *e, const float *x, size_t n, V top, bool keep)
{
    V a = v_zero(), b = v_zero();
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        const V p = v_exp(v_sub(v_load(x + i), top)), q = v_exp(v_sub(v_load(x + i + VL), top));
        if (keep) {
            v_store(e + i, p);
            v_store(e + i + VL, q);
        }
        a = v_add(a, p);
        b = v_add(b, q);
    }
    for (; i < n; i += VL) {
        const bool whole = n - i >= VL;
        const V p = whole ? v_exp(v_sub(v_load(x + i), top)) : ce_exp_tail(x + i, n - i, top);
        if (keep && whole)
            v_store(e + i, p);
        else if (keep)
            v_store_n(e + i, p, n - i);
        a = v_add(a, p);
    }
    return v_sum(v_add(a, b));
}

LTE_INLINE double ce_sum(float *e, const float *x, size_t n, float top, bool keep)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += CE_BLOCK)
        sum += ce_block(keep ? e + i : NULL, x + i, n - i < CE_BLOCK ? n - i : CE_BLOCK, v_set1(top),
                        keep);
    return sum;
}

static void ce_scale(float *e, size_t n, float by)
{
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        v_store(e + i, v_mul(v_load(e + i), v_set1(by)));
    if (i < n)
        v_store_n(e + i, v_mul(v_load_n(e + i, n - i), v_set1(by)), n - i);
}

static double cross_entropy(const float *x, size_t n, size_t target, float scale, float *gradient,
                            bool *first_largest)
{
    const float at = x[target], before = ce_largest(x, target);
    const float after = ce_largest(x + target + 1, n - target - 1);
    const float others = before > after ? before : after, top = others > at ? others : at;
    *first_largest = (!target || at > before) && at >= after;
    const double sum = gradient ? ce_sum(gradient, x, n, top, true) : ce_sum(NULL, x, n, top, false);
    if (gradient) {
        ce_scale(gradient, n, (float)(scale / sum));
        gradient[target] -= scale;
    }
    return log(sum) + ((double)top - at);
}

#endif
