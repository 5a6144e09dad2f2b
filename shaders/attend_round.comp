#version 450
// SPDX-License-Identifier: BSD-2-Clause
// This call's keys and values as they will be kept in 16 bits, so that what a query sees of a token
// does not depend on where the calls were split. A thread two numbers of both.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "narrow.glsl"

layout(constant_id = 0) const uint TYPE = LTE_BF16;

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) buffer K { float k[]; };
layout(binding = 2) buffer V { float v[]; };

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint i = 2 * (gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x);
    const uint at = (g.row + gl_WorkGroupID.y) * p.heads * p.head_dim + i;
    if (i >= p.heads * p.head_dim || gl_WorkGroupID.y >= g.rows)
        return;
    const vec2 x = lte_widen(TYPE, lte_narrow(TYPE, vec2(k[at], k[at + 1])));
    const vec2 y = lte_widen(TYPE, lte_narrow(TYPE, vec2(v[at], v[at + 1])));
    k[at] = x.x;
    k[at + 1] = x.y;
    v[at] = y.x;
    v[at + 1] = y.y;
}
