// SPDX-License-Identifier: BSD-2-Clause
// Weights as they lie in a checkpoint: fp32, or two bf16 or f16 in a word.
#ifndef LTE_SHADERS_WEIGHTS_GLSL
#define LTE_SHADERS_WEIGHTS_GLSL

// enum lte_dtype
const uint LTE_F32 = 0, LTE_BF16 = 1, LTE_F16 = 2;

// Not unpackHalf2x16 alone, which may flush what has no implicit one.
float lte_half(uint h)
{
    const uint magnitude = h & 0x7fffu;
    const float small = float(magnitude) * 5.9604644775390625e-8;
    return magnitude >= 0x400u ? unpackHalf2x16(h).x : (h & 0x8000u) != 0u ? -small : small;
}

// The two numbers of a word; fp32 has one.
vec2 lte_widen(uint type, uint word)
{
    if (type == LTE_BF16)
        return uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u));
    if (type == LTE_F16)
        return vec2(lte_half(word & 0xffffu), lte_half(word >> 16));
    return vec2(uintBitsToFloat(word), 0.0);
}

#endif
