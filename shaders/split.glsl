// SPDX-License-Identifier: BSD-2-Clause
// Numbers as sums of two f16, after a power of two.
#ifndef LTE_SHADERS_SPLIT_GLSL
#define LTE_SHADERS_SPLIT_GLSL

// The largest magnitude, as an integer; what is not finite has none.
uint magnitude(vec4 x)
{
    const uvec4 y = floatBitsToUint(x) & 0x7fffffffu;
    const uvec4 z = mix(y, uvec4(0), greaterThanEqual(y, uvec4(0x7f800000u)));
    return max(max(z.x, z.y), max(z.z, z.w));
}

// The power of two for numbers up to that, and its inverse.
float power(uint most)
{
    return uintBitsToFloat(uint(127 + LTE_SHIFT(int(most >> 23))) << 23);
}

float inverse(float power_of_two)
{
    return uintBitsToFloat((254u << 23) - floatBitsToUint(power_of_two));
}

// What f16 has bits for. A compiler may take a number that has become f16 and fp32 again for the
// number itself; bits that are cut off it leaves alone.
vec4 cut(vec4 x)
{
    return uintBitsToFloat(floatBitsToUint(x) & 0xffffe000u);
}

uvec2 pack(vec4 x)
{
    const f16vec4 h = f16vec4(x);
    return uvec2(packFloat2x16(h.xy), packFloat2x16(h.zw));
}

#endif
