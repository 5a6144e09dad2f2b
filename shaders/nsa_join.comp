#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The shares of three attentions made one, times the sigmoids of their gates: a workgroup a head of
// a query.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_nsa_join_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Pooled { float pooled[]; };
layout(binding = 2) readonly buffer Selected { float selected[]; };
layout(binding = 3) readonly buffer Window { float window[]; };
layout(binding = 4) readonly buffer Gates { float gate[]; };
layout(binding = 5) buffer Out { float o[]; };

float share(uint branch, uint at)
{
    return branch == 0 ? pooled[at] : branch == 1 ? selected[at] : window[at];
}

// What multiplies the sums of share s: its part of the whole, which the gate lets through.
float part(uint branch, uint from, uint s, float open)
{
    const uint stride = p.head_dim + 2, tail = from + p.head_dim;
    float most = share(branch, tail), total = 0;
    for (uint i = 1; i < p.splits[branch]; i++)
        most = max(most, share(branch, tail + i * stride));
    for (uint i = 0; i < p.splits[branch]; i++)
        total += share(branch, tail + i * stride + 1) *
                 lte_exp(share(branch, tail + i * stride) - most);
    return total == 0.0 ? 0.0 : open * lte_exp(share(branch, tail + s * stride) - most) / total;
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint head = gl_WorkGroupID.x, i = gl_WorkGroupID.y;
    const uint row = (g.row + i) * p.heads + head;
    const uint apart = (gl_WorkGroupID.z * p.rows + i) * p.heads + head;
    if (i >= g.rows)
        return;
    for (uint d = gl_LocalInvocationID.x; d < p.head_dim; d += THREADS)
        o[row * p.head_dim + d] = 0;
    for (uint branch = 0; branch < 3; branch++) {
        const float open = lte_sigmoid(gate[row * 3 + branch]);
        const uint from = apart * p.splits[branch] * (p.head_dim + 2);
        for (uint s = 0; s < p.splits[branch]; s++) {
            const float x = part(branch, from, s, open);
            for (uint d = gl_LocalInvocationID.x; d < p.head_dim; d += THREADS)
                o[row * p.head_dim + d] += x * share(branch, from + s * (p.head_dim + 2) + d);
        }
    }
}
