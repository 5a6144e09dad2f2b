// SPDX-License-Identifier: BSD-2-Clause
// AdamW over the vector vocabulary of vec.h.
#ifndef LTE_SIMD_BODY_ADAMW_H
#define LTE_SIMD_BODY_ADAMW_H

#include <string.h>

#include "simd/body/inline.h"

// VL weights.
LTE_INLINE void adamw_step(float *w, float *m, float *v, const float *gradient,
                           const struct lte_adamw_rates *r)
{
    const V g = v_mul(v_set1(r->gradient), v_load(gradient));
    const V first = v_fma(v_set1(r->beta1), v_load(m), v_mul(v_set1(r->gain1), g));
    const V gained = v_mul(v_mul(v_set1(r->gain2), g), g);
    const V second = v_fma(v_set1(r->beta2), v_load(v), gained);
    const V below = v_fma(v_sqrt(second), v_set1(r->second), v_set1(r->epsilon));
    const V step = v_div(v_mul(v_set1(r->rate), first), below), old = v_load(w);
    v_store(m, first);
    v_store(v, second);
    v_store(w, v_sub(old, v_fma(v_set1(r->decay), old, step)));
}

static void adamw(float *w, float *m, float *v, const float *gradient, size_t n,
                  const struct lte_adamw_rates *rates)
{
    const struct lte_adamw_rates r = *rates; // which stores to the arrays cannot change
    size_t i = 0;
    for (; n - i >= VL; i += VL)
        adamw_step(w + i, m + i, v + i, gradient + i, &r);
    if (i == n)
        return;
    float tail[4][VL] = {{0}};
    const size_t bytes = (n - i) * sizeof *w;
    memcpy(tail[0], w + i, bytes);
    memcpy(tail[1], m + i, bytes);
    memcpy(tail[2], v + i, bytes);
    memcpy(tail[3], gradient + i, bytes);
    adamw_step(tail[0], tail[1], tail[2], tail[3], &r);
    memcpy(w + i, tail[0], bytes);
    memcpy(m + i, tail[1], bytes);
    memcpy(v + i, tail[2], bytes);
}

#endif
