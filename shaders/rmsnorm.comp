#version 450
// SPDX-License-Identifier: BSD-2-Clause
// rmsnorm of simd/norm.h: one vector a workgroup.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_rmsnorm_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { float weight[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, column = p.column + gl_WorkGroupID.x * p.width;
    const uint from = row * p.x_stride + column, to = row * p.y_stride + column;
    const uint weights = gl_WorkGroupID.x * p.own;
    float sum = 0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        sum += x[from + i] * x[from + i];
    const float scale = inversesqrt(lte_sum(sum) / float(p.width) + p.eps);
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        y[to + i] = x[from + i] * scale * (p.weighted != 0 ? weight[weights + i] : 1.0);
}
