// SPDX-License-Identifier: BSD-2-Clause
// fp32 to bf16 and f16, to nearest, ties to even: bit by bit what the host does.
#ifndef LTE_SHADERS_NARROW_GLSL
#define LTE_SHADERS_NARROW_GLSL

#include "weights.glsl"

uint lte_narrow_bf16(uint u)
{
    if ((u & 0x7fffffffu) > 0x7f800000u) // NaN: the quiet bit keeps it from becoming infinity
        return u >> 16 | 0x40u;
    return u + 0x7fffu + (u >> 16 & 1u) >> 16;
}

uint lte_narrow_f16(uint u)
{
    const uint sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u)
        return sign | 0x7e00u | a >> 13 & 0x3ffu;
    if (a >= 0x47800000u) // 65536 and above
        return sign | 0x7c00u;
    if (a >= 0x38800000u) // 2^-14: normal; the carry may reach infinity
        return sign | a + 0xfffu + (a >> 13 & 1u) - 0x38000000u >> 13;
    if (a < 0x33000000u)
        return sign;
    // subnormal, in units of 2^-24
    const uint shift = 126u - (a >> 23), m = a & 0x7fffffu | 0x800000u;
    return sign | m + (1u << shift - 1u) - 1u + (m >> shift & 1u) >> shift;
}

// Two numbers in a word.
uint lte_narrow(uint type, vec2 x)
{
    const uvec2 u = floatBitsToUint(x);
    return type == LTE_BF16 ? lte_narrow_bf16(u.x) | lte_narrow_bf16(u.y) << 16
                            : lte_narrow_f16(u.x) | lte_narrow_f16(u.y) << 16;
}

#endif
