#version 450
// SPDX-License-Identifier: BSD-2-Clause
// layernorm of lib/op/norms.c, in place: one vector a workgroup.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_layernorm_params p; };
layout(binding = 0) buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { float weight[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y;
    const uint at = row * p.stride + p.column + gl_WorkGroupID.x * p.width;
    float sum = 0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        sum += x[at + i];
    const float mean = lte_sum(sum) / float(p.width);
    sum = 0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        sum += (x[at + i] - mean) * (x[at + i] - mean);
    const float scale = inversesqrt(lte_sum(sum) / float(p.width) + p.eps);
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS)
        x[at + i] = (x[at + i] - mean) * scale * weight[i] + bias[i];
}
