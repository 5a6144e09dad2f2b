// SPDX-License-Identifier: BSD-2-Clause
// The vector vocabulary of simd/body/ for AArch64 Advanced SIMD: four floats.
#ifndef LTE_SIMD_VEC_H
#define LTE_SIMD_VEC_H
#ifndef __aarch64__
#error "simd/neon is for AArch64"
#endif

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LTE_ISA neon
#define VL 4
#define VREGS 32
typedef float32x4_t V;
typedef int32x4_t VI;

static inline V v_zero(void) { return vdupq_n_f32(0); }
static inline V v_set1(float a) { return vdupq_n_f32(a); }
static inline V v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, V a) { vst1q_f32(p, a); }
// The first n < VL floats; the rest reads as 0 and is not touched.
static inline V v_load_n(const float *p, size_t n)
{
    float t[VL] = {0};
    memcpy(t, p, n * sizeof *p);
    return vld1q_f32(t);
}
static inline void v_store_n(float *p, V a, size_t n)
{
    float t[VL];
    vst1q_f32(t, a);
    memcpy(p, t, n * sizeof *p);
}
static inline V v_add(V a, V b) { return vaddq_f32(a, b); }
static inline V v_sub(V a, V b) { return vsubq_f32(a, b); }
static inline V v_mul(V a, V b) { return vmulq_f32(a, b); }
static inline V v_div(V a, V b) { return vdivq_f32(a, b); }
static inline V v_sqrt(V a) { return vsqrtq_f32(a); }
// Unlike sqrtf() never a call that sets errno.
static inline float v_sqrt_one(float a) { return vget_lane_f32(vsqrt_f32(vdup_n_f32(a)), 0); }
static inline V v_fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }  // a*b + c
static inline V v_fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); } // c - a*b
// If either operand is NaN the result is the second, as on x86.
static inline V v_max(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline V v_min(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline V v_abs(V a) { return vabsq_f32(a); }
static inline V v_minus_abs(V a) { return vnegq_f32(vabsq_f32(a)); }
// a > b ? x : y, lane by lane; false where either is NaN.
static inline V v_gt_select(V a, V b, V x, V y) { return vbslq_f32(vcgtq_f32(a, b), x, y); }
// Bit i: lane i of a is greater than that of b.
static inline unsigned v_gt_bits(V a, V b)
{
    const uint32_t place[VL] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgtq_f32(a, b), vld1q_u32(place)));
}
static inline float v_sum(V v) { return vaddvq_f32(v); }
// The low eight bits of the representation of a, as the exponent field of a positive number.
static inline V v_exponent(V a)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vreinterpretq_s32_f32(a), 23));
}
// p * 2^k for the k in the low nine bits of m, where p and the result are normal numbers.
static inline V v_times_exp2(V p, V m)
{
    const int32x4_t k = vshlq_n_s32(vreinterpretq_s32_f32(m), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), k));
}
// a/b within 2 ulp; finite a by Inf is 0 (vrecps makes 2 of 0 * Inf). The estimate and two Newton
// steps, because many cores divide slowly.
static inline V v_quotient(V a, V b)
{
    V y = vrecpeq_f32(b);
    y = v_mul(y, vrecpsq_f32(b, y));
    return v_mul(a, v_mul(y, vrecpsq_f32(b, y)));
}
// VL storage elements widened; the pointer may be unaligned.
static inline V v_load_bf16(const void *p)
{
    uint16x4_t h;
    memcpy(&h, p, sizeof h);
    return vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}
// 2 VL storage elements widened, apart: those with even numbers, then the odd ones.
static inline void v_load_apart_bf16(V *to, const void *p)
{
    uint32x4_t a;
    memcpy(&a, p, sizeof a);
    to[0] = vreinterpretq_f32_u32(vshlq_n_u32(a, 16));
    to[1] = vreinterpretq_f32_u32(vandq_u32(a, vdupq_n_u32(0xffff0000)));
}
// The even or the odd lanes of a, then those of b.
static inline V v_evens(V a, V b) { return vuzp1q_f32(a, b); }
static inline V v_odds(V a, V b) { return vuzp2q_f32(a, b); }
// Lane i takes what lane i ^ by has; by is 1 or 2.
static inline V v_swap(V a, const size_t by)
{
    return by == 2 ? vextq_f32(a, a, 2) : vrev64q_f32(a);
}
static inline V v_load_f16(const void *p)
{
    float16x4_t h;
    memcpy(&h, p, sizeof h);
    return vcvt_f32_f16(h);
}
// A macro: gcc takes a function that only prefetches for one without effect and drops its calls.
#define v_prefetch(p) __builtin_prefetch(p)
static inline float v_min_all(V v) { return vminvq_f32(v); }
static inline float v_max_all(V v) { return vmaxvq_f32(v); }
static inline float v_first(V v) { return vgetq_lane_f32(v, 0); }
// p[0..4) = the sums of a, b, c, d
static inline void v_sum4(float *p, V a, V b, V c, V d)
{
    vst1q_f32(p, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}
// a, in a register from here on: compilers would rather load it again for every use.
static inline V v_keep(V a)
{
    __asm__("" : "+w"(a));
    return a;
}
// p[4*j + i] = the sum of the lanes i, i + 4, ... of a[j], j < VL/4
static inline void v_sum_by4(float *p, const V *a) { v_store(p, *a); }
// even, odd = the elements of the sequence a, b at even and at odd places; v_zip undoes it.
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    *even = vuzp1q_f32(a, b);
    *odd = vuzp2q_f32(a, b);
}
static inline void v_zip(V even, V odd, V *a, V *b)
{
    *a = vzip1q_f32(even, odd);
    *b = vzip2q_f32(even, odd);
}

#endif
