// SPDX-License-Identifier: BSD-2-Clause
// One BF16 or F16 number to and from fp32, in integer arithmetic: the definition that every
// instruction set's conversion is held to.
#ifndef LTE_SIMD_BODY_HALF_H
#define LTE_SIMD_BODY_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float a)
{
    uint32_t u;
    memcpy(&u, &a, sizeof u);
    return u;
}

static inline float bits_float(uint32_t u)
{
    float a;
    memcpy(&a, &u, sizeof a);
    return a;
}

// Storage elements may lie at any address.
static inline uint16_t half_load(const void *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return h;
}

static inline float bf16_widen(uint16_t h)
{
    return bits_float((uint32_t)h << 16);
}

static inline uint16_t bf16_narrow(float a)
{
    const uint32_t u = float_bits(a);
    if ((u & 0x7fffffff) > 0x7f800000) // NaN: the quiet bit keeps it from becoming infinity
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float f16_widen(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31;
    uint32_t mantissa = h & 0x3ff;
    if (exponent == 31) // infinity, or NaN made quiet
        return bits_float(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
    if (exponent)
        return bits_float(sign | (exponent + 112) << 23 | mantissa << 13);
    if (!mantissa)
        return bits_float(sign);
    uint32_t e = 113; // 2^-14, the exponent of a subnormal before its leading bit is moved up
    for (; !(mantissa & 0x400); e--)
        mantissa <<= 1;
    return bits_float(sign | e << 23 | (mantissa & 0x3ff) << 13);
}

static inline uint16_t f16_narrow(float x)
{
    const uint32_t u = float_bits(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    uint32_t h;
    if (a > 0x7f800000) {
        h = 0x7e00 | (a >> 13 & 0x3ff);
    } else if (a >= 0x47800000) { // 65536 and above
        h = 0x7c00;
    } else if (a >= 0x38800000) { // 2^-14: normal; the carry may reach infinity
        h = (a + 0xfff + (a >> 13 & 1) - 0x38000000) >> 13;
    } else if (a >= 0x33000000) { // 2^-25: subnormal, in units of 2^-24
        const uint32_t shift = 126 - (a >> 23), m = (a & 0x7fffff) | 0x800000;
        h = (m + (1u << (shift - 1)) - 1 + (m >> shift & 1)) >> shift;
    } else {
        h = 0;
    }
    return (uint16_t)(sign | h);
}

#endif
