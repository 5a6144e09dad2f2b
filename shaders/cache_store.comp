#version 450
// SPDX-License-Identifier: BSD-2-Clause
// This call's vectors into a cache of every token: a workgroup a token of a head.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "narrow.glsl"

layout(constant_id = 0) const uint TYPE = LTE_F32;
const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word

layout(push_constant) uniform Params { lte_cache_store_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) buffer State { uint state[]; };

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint r = gl_WorkGroupID.x, head = gl_WorkGroupID.y, words = p.dim / PACKED;
    const uint from = (g.row + r) * p.stride + p.column + head * p.dim;
    const uint to = g.state + p.place + (head * p.tokens + g.position + r) * words;
    if (r >= g.rows)
        return;
    for (uint w = gl_LocalInvocationID.x; w < words; w += THREADS) {
        const uint at = from + w * PACKED;
        state[to + w] =
            PACKED == 1 ? floatBitsToUint(x[at]) : lte_narrow(TYPE, vec2(x[at], x[at + 1]));
    }
}
