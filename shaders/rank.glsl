// SPDX-License-Identifier: BSD-2-Clause
// Ranks: integers in the order of the floats with these bits. A device may take a denormal for zero
// where it compares floats.
#ifndef LTE_SHADERS_RANK_GLSL
#define LTE_SHADERS_RANK_GLSL

const uint LEAST = 0x007fffffu; // the rank of -Inf

// All NaNs are the lowest, and -0 is 0.
uint lte_rank(uint bits)
{
    const uint magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return 0;
    return magnitude == 0 ? 0x80000000u : bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

#endif
