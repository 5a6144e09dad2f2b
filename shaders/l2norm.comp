#version 450
// SPDX-License-Identifier: BSD-2-Clause
// l2norm of simd/norm.h: one vector a workgroup.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_l2norm_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, column = p.column + gl_WorkGroupID.x * p.width;
    const uint from = row * p.x_stride + column, to = row * p.y_stride + column;
    float sum = 0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        sum += x[from + i] * x[from + i];
    const float scale = inversesqrt(lte_sum(sum) + p.eps) *
                        (gl_WorkGroupID.x < p.scaled ? p.scale : 1.0);
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        y[to + i] = x[from + i] * scale;
}
