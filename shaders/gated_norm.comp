#version 450
// SPDX-License-Identifier: BSD-2-Clause
// gated_norm of simd/norm.h: one vector a workgroup.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_gated_norm_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Gate { float gate[]; };
layout(binding = 2) readonly buffer Weight { float weight[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, column = p.column + gl_WorkGroupID.x * p.width;
    const uint from = row * p.x_stride + column, by = row * p.gate_stride + column;
    const uint to = row * p.y_stride + column, weights = gl_WorkGroupID.x * p.own;
    float sum = 0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        sum += x[from + i] * x[from + i];
    const float scale = inversesqrt(lte_sum(sum) / float(p.width) + p.eps);
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        y[to + i] = x[from + i] * scale * weight[weights + i] * lte_silu(gate[by + i]);
}
