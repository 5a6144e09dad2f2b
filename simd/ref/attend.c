// SPDX-License-Identifier: BSD-2-Clause
// Scalar reference of simd/attend.h.
#include "config.h"

#include <float.h>
#include <math.h>

#include "lte/base.h"
#include "simd/body/half.h"
#include "simd/install.h"

// Columns of the output formed at a time: the scores are computed anew for each such block.
enum { BLOCK = 256 };

static double load(const void *p, size_t i, enum lte_dtype type)
{
    if (type == LTE_DTYPE_F32)
        return ((const float *)p)[i];
    const uint16_t h = half_load((const char *)p + 2 * i);
    return type == LTE_DTYPE_BF16 ? bf16_widen(h) : f16_widen(h);
}

static double dot(const float *q, const void *k, size_t at, size_t dim, enum lte_dtype type)
{
    double sum = 0;
    for (size_t d = 0; d < dim; d++)
        sum += q[d] * load(k, at + d, type);
    return sum;
}

// Columns [low, low+n) of the output of one head of query i, by the online softmax. Returns the log
// of its sum.
static double block(const struct lte_attend_args *a, size_t i, const float *q, float *o, size_t low,
                  size_t n, enum lte_dtype kv_type)
{
    double acc[BLOCK] = {0}, total = 0, max = -DBL_MAX;
    for (const struct lte_kv_span *p = a->span; p < a->span + a->spans; p++) {
        const enum lte_dtype type = p->f32 ? LTE_DTYPE_F32 : kv_type;
        for (size_t s = 0; s < p->keys; s++) {
            if (i < p->from[s] || i >= p->until[s])
                continue;
            const size_t row = p->at ? p->at[s] : s;
            const double score = a->scale * dot(q, p->k, row * p->k_stride, a->head_dim, type);
            const double rise = score > max ? exp(max - score) : 1;
            max = score > max ? score : max;
            const double e = exp(score - max);
            total = total * rise + e;
            for (size_t d = 0; d < n; d++)
                acc[d] = acc[d] * rise + e * load(p->v, row * p->v_stride + low + d, type);
        }
    }
    for (size_t d = 0; d < n; d++)
        o[low + d] = (float)(total == 0 ? 0 : acc[d] / total);
    return total == 0 ? 0 : max + log(total);
}

static void attend(const struct lte_attend_args *a, enum lte_dtype type)
{
    for (size_t i = a->first; i < a->first + a->count; i++) {
        for (size_t g = 0; g < a->group; g++) {
            const float *q = a->q + i * a->q_stride + g * a->head_dim;
            float *o = a->o + i * a->o_stride + g * a->head_dim;
            double lse = 0;
            for (size_t low = 0; low < a->head_dim; low += BLOCK) {
                const size_t left = a->head_dim - low;
                lse = block(a, i, q, o, low, left < BLOCK ? left : BLOCK, type);
            }
            if (a->lse)
                a->lse[i * a->lse_stride + g] = (float)lse;
        }
    }
}

static void attend_f32(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_F32);
}

static void attend_bf16(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_BF16);
}

static void attend_f16(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_F16);
}

void lte_ref_attend(struct lte_kernels *k)
{
    k->attend[LTE_DTYPE_F32] = attend_f32;
    k->attend[LTE_DTYPE_BF16] = attend_bf16;
    k->attend[LTE_DTYPE_F16] = attend_f16;
}
