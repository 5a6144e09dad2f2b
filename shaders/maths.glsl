// SPDX-License-Identifier: BSD-2-Clause
// Functions that the language promises too little of: these keep to the tolerances of
// simd/activation.h (4e-7 relative) with additions, products, and a division as good as 2.5 units
// in the last place.
#ifndef LTE_SHADERS_MATHS_GLSL
#define LTE_SHADERS_MATHS_GLSL

// exp(x): 0 below -86.6, where results near the smallest normal number begin; +Inf above 88.73.
float lte_exp(float x)
{
    const float n = round(clamp(x, -88.0, 89.0) * 1.44269504088896341);
    // n ln 2 in two parts, the first so short that its product is exact
    const float r = (x - n * 0.693359375) + n * 2.12194440e-4;
    float p = 1.9875691500e-4;
    p = p * r + 1.3981999507e-3;
    p = p * r + 8.3334519073e-3;
    p = p * r + 4.1665795894e-2;
    p = p * r + 1.6666665459e-1;
    p = p * r + 5.0000001201e-1;
    p = p * r * r + r + 1.0;
    // in two factors: 2^n itself may be too large
    const int whole = int(n), half_of = whole / 2;
    const float y = p * uintBitsToFloat(uint(127 + half_of) << 23) *
                    uintBitsToFloat(uint(127 + whole - half_of) << 23);
    return x < -86.6 ? 0.0 : x > 88.72284 ? uintBitsToFloat(0x7f800000u) : y;
}

// log(x) for finite normal x > 0, close to 1 as good as anywhere.
float lte_log(float x)
{
    const uint bits = floatBitsToUint(x);
    // x = m 2^n with m in [sqrt(1/2), sqrt(2))
    const int n = int(bits + 0x004afb0du >> 23) - 127;
    const float m = uintBitsToFloat(bits - (uint(n) << 23)) - 1.0;
    float p = 7.0376836292e-2;
    p = p * m - 1.1514610310e-1;
    p = p * m + 1.1676998740e-1;
    p = p * m - 1.2420140846e-1;
    p = p * m + 1.4249322787e-1;
    p = p * m - 1.6668057665e-1;
    p = p * m + 2.0000714765e-1;
    p = p * m - 2.4999993993e-1;
    p = p * m + 3.3333331174e-1;
    const float square = m * m, whole = float(n);
    float y = p * m * square + whole * -2.12194440e-4;
    y = y - 0.5 * square;
    return (m + y) + whole * 0.693359375;
}

// log(1 + x) for x >= 0. What 1 + x rounds away is made up for by the quotient.
float lte_log1p(float x)
{
    precise const float u = 1.0 + x;
    precise const float d = u - 1.0;
    return d == 0.0 ? x : lte_log(u) * (x / d);
}

float lte_sigmoid(float x)
{
    const float e = lte_exp(-abs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

float lte_silu(float x)
{
    return x < -86.6 ? -0.0 : x * lte_sigmoid(x);
}

float lte_softplus(float x)
{
    return x > 20.0 ? x : lte_log1p(lte_exp(x));
}

// cos and sin of 2 pi times a fraction of a turn: turn / 2^32.
vec2 lte_cos_sin_turn(uint turn)
{
    const uint quarter = turn + 0x20000000u >> 30;
    const float r = float(int(turn - (quarter << 30))) * 1.46291807926715968e-9;
    const float z = r * r;
    const float s = ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
    const float c = ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z +
                     4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
    const vec2 even = (quarter & 1u) == 0u ? vec2(c, s) : vec2(-s, c);
    return quarter < 2u ? even : -even;
}

#endif
