#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The shares of a row's keys, made one: a workgroup a head of a query.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Shares { float share[]; };
layout(binding = 2) writeonly buffer Out { float o[]; };

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint heads = p.heads * p.group, head = gl_WorkGroupID.x, i = gl_WorkGroupID.y;
    const uint stride = p.head_dim + 2, tail = p.head_dim;
    const uint from = ((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.splits * stride;
    const uint to = ((g.row + i) * heads + head) * p.head_dim;
    float most = share[from + tail], total = 0;
    for (uint s = 1; s < p.splits; s++)
        most = max(most, share[from + s * stride + tail]);
    for (uint s = 0; s < p.splits; s++)
        total += share[from + s * stride + tail + 1] *
                 lte_exp(share[from + s * stride + tail] - most);
    for (uint d = gl_LocalInvocationID.x; d < p.head_dim; d += THREADS) {
        float x = 0;
        for (uint s = 0; s < p.splits; s++)
            x += share[from + s * stride + d] * lte_exp(share[from + s * stride + tail] - most);
        o[to + d] = total == 0.0 ? 0.0 : x / total;
    }
}
