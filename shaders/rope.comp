#version 450
// SPDX-License-Identifier: BSD-2-Clause
// rope and rope_pairs of simd/rope.h: a thread a pair of numbers.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_rope_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Angles { float angle[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, n = gl_GlobalInvocationID.x;
    const uint half_dim = p.head_dim / 2, head = n / half_dim, i = n % half_dim;
    if (head >= p.heads)
        return;
    const uint base = row * p.width + head * p.stride;
    const uint one = base + (p.pairs != 0 ? 2 * i : i);
    const uint two = base + (p.pairs != 0 ? 2 * i + 1 : i + half_dim);
    const float c = angle[row * p.head_dim + i], s = angle[row * p.head_dim + half_dim + i];
    const float a = x[one], b = x[two];
    y[one] = a * c - b * s;
    y[two] = b * c + a * s;
}
