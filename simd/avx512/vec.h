// SPDX-License-Identifier: BSD-2-Clause
// The vector vocabulary of simd/body/ for AVX-512 (F, BW, VL, DQ): sixteen floats.
#ifndef LTE_SIMD_VEC_H
#define LTE_SIMD_VEC_H
#ifndef __AVX512F__
#error "simd/avx512 compiled without AVX-512"
#endif

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LTE_ISA avx512
#define VL 16
#define VREGS 32
typedef __m512 V;
typedef __m512i VI;

static inline V v_zero(void) { return _mm512_setzero_ps(); }
static inline V v_set1(float a) { return _mm512_set1_ps(a); }
static inline V v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, V a) { _mm512_storeu_ps(p, a); }
static inline __mmask16 v_mask(size_t n) { return (__mmask16)((1u << n) - 1); }
// The first n < VL floats; the rest reads as 0 and is not touched.
static inline V v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
static inline void v_store_n(float *p, V a, size_t n) { _mm512_mask_storeu_ps(p, v_mask(n), a); }
static inline V v_add(V a, V b) { return _mm512_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
static inline V v_div(V a, V b) { return _mm512_div_ps(a, b); }
static inline V v_sqrt(V a) { return _mm512_sqrt_ps(a); }
// Unlike sqrtf() never a call that sets errno.
static inline float v_sqrt_one(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }
static inline V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }   // a*b + c
static inline V v_fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); } // c - a*b
// If either operand is NaN the result is the second.
static inline V v_max(V a, V b) { return _mm512_max_ps(a, b); }
static inline V v_min(V a, V b) { return _mm512_min_ps(a, b); }
static inline V v_abs(V a) { return _mm512_abs_ps(a); }
static inline V v_minus_abs(V a) { return _mm512_or_ps(a, _mm512_set1_ps(-0.0f)); }
// a > b ? x : y, lane by lane; false where either is NaN.
static inline V v_gt_select(V a, V b, V x, V y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
// Bit i: lane i of a is greater than that of b.
static inline unsigned v_gt_bits(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
static inline float v_sum(V v) { return _mm512_reduce_add_ps(v); }
// The low eight bits of the representation of a, as the exponent field of a positive number.
static inline V v_exponent(V a)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
// p * 2^k for the k in the low nine bits of m, where p and the result are normal numbers.
static inline V v_times_exp2(V p, V m)
{
    const __m512i k = _mm512_slli_epi32(_mm512_castps_si512(m), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), k));
}
// 2^(k/32) for the k in the low 14 bits of m, -4032 <= k <= 4096 (Inf): a table of the powers
// between 1 and 2, less the place in it, to which k is added as part of the exponent.
#define V_STEPS 32
static inline V v_exp2_step(V m)
{
    const __m512i low = _mm512_setr_epi32(
        0x3f800000, 0x3f7ecd87, 0x3f7daac3, 0x3f7c980f, 0x3f7b95c2, 0x3f7aa43a, 0x3f79c3d3,
        0x3f78f4f0, 0x3f7837f0, 0x3f778d3a, 0x3f76f532, 0x3f767043, 0x3f75fed7, 0x3f75a15b,
        0x3f75583f, 0x3f7523f6);
    const __m512i high = _mm512_setr_epi32(
        0x3f7504f3, 0x3f74fbaf, 0x3f7508a4, 0x3f752c4d, 0x3f75672a, 0x3f75b9be, 0x3f76248c,
        0x3f76a81e, 0x3f7744fd, 0x3f77fbb8, 0x3f78ccdf, 0x3f79b907, 0x3f7ac0c7, 0x3f7be4ba,
        0x3f7d257d, 0x3f7e83b3);
    const __m512i k = _mm512_castps_si512(m);
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_permutex2var_epi32(low, k, high), _mm512_slli_epi32(k, 18)));
}
// a/b within 2 ulp; finite a by Inf is 0.
static inline V v_quotient(V a, V b) { return v_div(a, b); }
// VL storage elements widened; the pointer may be unaligned.
static inline V v_load_bf16(const void *p)
{
    const __m256i h = _mm256_loadu_si256((const __m256i *)p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
// 2 VL storage elements widened, apart: those with even numbers, then the odd ones.
static inline void v_load_apart_bf16(V *to, const void *p)
{
    __m512i a = _mm512_loadu_si512(p);
    __asm__("" : "+v"(a)); // loaded once, as by v_keep()
    to[0] = _mm512_castsi512_ps(_mm512_slli_epi32(a, 16));
    to[1] = _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32(~0xffff)));
}
// The even or the odd lanes of a, then those of b.
static inline V v_evens(V a, V b)
{
    const __m512d s = _mm512_castps_pd(_mm512_shuffle_ps(a, b, 0x88));
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    return _mm512_castpd_ps(_mm512_permutexvar_pd(order, s));
}
static inline V v_odds(V a, V b)
{
    const __m512d s = _mm512_castps_pd(_mm512_shuffle_ps(a, b, 0xdd));
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    return _mm512_castpd_ps(_mm512_permutexvar_pd(order, s));
}
// Lane i takes what lane i ^ by has; by is 1, 2, 4 or 8.
static inline V v_swap(V a, const size_t by)
{
    return by == 8 ? _mm512_shuffle_f32x4(a, a, 0x4e)
           : by == 4 ? _mm512_shuffle_f32x4(a, a, 0xb1)
           : by == 2 ? _mm512_permute_ps(a, 0x4e) : _mm512_permute_ps(a, 0xb1);
}
static inline V v_load_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
// A macro: gcc takes a function that only prefetches for one without effect and drops its calls.
#define v_prefetch(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
static inline float v_min_all(V v) { return _mm512_reduce_min_ps(v); }
static inline float v_max_all(V v) { return _mm512_reduce_max_ps(v); }
static inline float v_first(V v) { return _mm512_cvtss_f32(v); }
// p[0..4) = the sums of a, b, c, d
static inline void v_sum4(float *p, V a, V b, V c, V d)
{
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512 lo = _mm512_shuffle_ps(ab, cd, 0x44), hi = _mm512_shuffle_ps(ab, cd, 0xee);
    const __m512 s = _mm512_add_ps(lo, hi);
    const __m256 t = _mm256_add_ps(_mm512_castps512_ps256(s), _mm512_extractf32x8_ps(s, 1));
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1)));
}
// a, in a register from here on: compilers would rather load it again for every use.
static inline V v_keep(V a)
{
    __asm__("" : "+v"(a));
    return a;
}
// p[4*j + i] = the sum of the lanes i, i + 4, ... of a[j], j < VL/4
static inline void v_sum_by4(float *p, const V *a)
{
    const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a[0], a[1], 0x88),
                                    _mm512_shuffle_f32x4(a[0], a[1], 0xdd));
    const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(a[2], a[3], 0x88),
                                    _mm512_shuffle_f32x4(a[2], a[3], 0xdd));
    v_store(p, _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88),
                             _mm512_shuffle_f32x4(ab, cd, 0xdd)));
}
// even, odd = the elements of the sequence a, b at even and at odd places; v_zip undoes it.
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    const __m512i e = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *even = _mm512_permutex2var_ps(a, e, b);
    *odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(e, _mm512_set1_epi32(1)), b);
}
static inline void v_zip(V even, V odd, V *a, V *b)
{
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *a = _mm512_permutex2var_ps(even, first, odd);
    *b = _mm512_permutex2var_ps(even, _mm512_add_epi32(first, _mm512_set1_epi32(8)), odd);
}

#endif
