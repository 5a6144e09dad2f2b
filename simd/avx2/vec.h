// SPDX-License-Identifier: BSD-2-Clause
// The vector vocabulary of simd/body/ for AVX2 + FMA + F16C: eight floats.
#ifndef LTE_SIMD_VEC_H
#define LTE_SIMD_VEC_H
#ifndef __AVX2__
#error "simd/avx2 compiled without AVX2"
#endif

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LTE_ISA avx2
#define VL 8
#define VREGS 16
typedef __m256 V;
typedef __m256i VI;

static inline V v_zero(void) { return _mm256_setzero_ps(); }
static inline V v_set1(float a) { return _mm256_set1_ps(a); }
static inline V v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, V a) { _mm256_storeu_ps(p, a); }
static inline __m256i v_mask(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n < VL floats; the rest reads as 0 and is not touched.
static inline V v_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, v_mask(n)); }
static inline void v_store_n(float *p, V a, size_t n) { _mm256_maskstore_ps(p, v_mask(n), a); }
static inline V v_add(V a, V b) { return _mm256_add_ps(a, b); }
static inline V v_sub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V v_mul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V v_div(V a, V b) { return _mm256_div_ps(a, b); }
static inline V v_sqrt(V a) { return _mm256_sqrt_ps(a); }
// Unlike sqrtf() never a call that sets errno.
static inline float v_sqrt_one(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }
static inline V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }   // a*b + c
static inline V v_fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); } // c - a*b
// If either operand is NaN the result is the second.
static inline V v_max(V a, V b) { return _mm256_max_ps(a, b); }
static inline V v_min(V a, V b) { return _mm256_min_ps(a, b); }
static inline V v_abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline V v_minus_abs(V a) { return _mm256_or_ps(a, _mm256_set1_ps(-0.0f)); }
// a > b ? x : y, lane by lane; false where either is NaN.
static inline V v_gt_select(V a, V b, V x, V y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
// Bit i: lane i of a is greater than that of b.
static inline unsigned v_gt_bits(V a, V b)
{
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline float v_sum(V v)
{
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}
// The low eight bits of the representation of a, as the exponent field of a positive number.
static inline V v_exponent(V a)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
// p * 2^k for the k in the low nine bits of m, where p and the result are normal numbers.
static inline V v_times_exp2(V p, V m)
{
    const __m256i k = _mm256_slli_epi32(_mm256_castps_si256(m), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), k));
}
// 2^(k/8) for the k in the low 12 bits of m, -1008 <= k <= 1024 (Inf): a table of the powers
// between 1 and 2, less the place in it, to which k is added as part of the exponent.
#define V_STEPS 8
static inline V v_exp2_step(V m)
{
    const __m256i steps =
        _mm256_setr_epi32(0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7, 0x3f7504f3, 0x3f75672a,
                          0x3f7744fd, 0x3f7ac0c7);
    const __m256i k = _mm256_castps_si256(m);
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_permutevar8x32_epi32(steps, k), _mm256_slli_epi32(k, 20)));
}
// a/b within 2 ulp; finite a by Inf is 0.
static inline V v_quotient(V a, V b) { return v_div(a, b); }
// VL storage elements widened; the pointer may be unaligned.
static inline V v_load_bf16(const void *p)
{
    const __m128i h = _mm_loadu_si128((const __m128i *)p);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
// 2 VL storage elements widened, apart: those with even numbers, then the odd ones.
static inline void v_load_apart_bf16(V *to, const void *p)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)p);
    __asm__("" : "+x"(a)); // loaded once, as by v_keep()
    to[0] = _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));
    to[1] = _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32(~0xffff)));
}
// The even or the odd lanes of a, then those of b.
static inline V v_evens(V a, V b)
{
    const __m256d s = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(s, 0xd8));
}
static inline V v_odds(V a, V b)
{
    const __m256d s = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd));
    return _mm256_castpd_ps(_mm256_permute4x64_pd(s, 0xd8));
}
// Lane i takes what lane i ^ by has; by is 1, 2 or 4.
static inline V v_swap(V a, const size_t by)
{
    return by == 4 ? _mm256_permute2f128_ps(a, a, 1)
                   : by == 2 ? _mm256_permute_ps(a, 0x4e) : _mm256_permute_ps(a, 0xb1);
}
static inline V v_load_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
// A macro: gcc takes a function that only prefetches for one without effect and drops its calls.
#define v_prefetch(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
static inline float v_min_all(V v)
{
    __m128 a = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_min_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_min_ss(a, _mm_movehdup_ps(a)));
}
static inline float v_max_all(V v)
{
    __m128 a = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}
static inline float v_first(V v) { return _mm256_cvtss_f32(v); }
// p[0..4) = the sums of a, b, c, d. On Zen 5 vhaddps is slower than its parts.
static inline void v_sum4(float *p, V a, V b, V c, V d)
{
    const __m256 ab = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd));
    const __m256 cd = _mm256_add_ps(_mm256_shuffle_ps(c, d, 0x88), _mm256_shuffle_ps(c, d, 0xdd));
    const __m256 s = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x88),
                                   _mm256_shuffle_ps(ab, cd, 0xdd));
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}
// a, in a register from here on: compilers would rather load it again for every use.
static inline V v_keep(V a)
{
    __asm__("" : "+x"(a));
    return a;
}
// p[4*j + i] = the sum of the lanes i and i + 4 of a[j], j < VL/4
static inline void v_sum_by4(float *p, const V *a)
{
    v_store(p, _mm256_add_ps(_mm256_permute2f128_ps(a[0], a[1], 0x20),
                             _mm256_permute2f128_ps(a[0], a[1], 0x31)));
}
// even, odd = the elements of the sequence a, b at even and at odd places; v_zip undoes it.
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    const __m256d e = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
    const __m256d o = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd));
    *even = _mm256_castpd_ps(_mm256_permute4x64_pd(e, 0xd8));
    *odd = _mm256_castpd_ps(_mm256_permute4x64_pd(o, 0xd8));
}
static inline void v_zip(V even, V odd, V *a, V *b)
{
    const __m256 low = _mm256_unpacklo_ps(even, odd), high = _mm256_unpackhi_ps(even, odd);
    *a = _mm256_permute2f128_ps(low, high, 0x20);
    *b = _mm256_permute2f128_ps(low, high, 0x31);
}

#endif
