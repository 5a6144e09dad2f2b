#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The mean of a block of keys and of its values, the moment the block is complete: a workgroup a
// block of a head.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = LTE_F32;
const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word

layout(push_constant) uniform Params { lte_nsa_pool_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) buffer State { uint state[]; };

uint base;

// Words of PACKED sums over the block at word `from`.
void pool(uint from, uint to)
{
    const uint words = p.head_dim / PACKED;
    for (uint w = gl_LocalInvocationID.x; w < words; w += THREADS) {
        vec2 sum = vec2(0);
        for (uint i = 0; i < p.block; i++)
            sum += lte_widen(TYPE, state[base + from + i * words + w]);
        sum /= float(p.block);
        state[base + to + w * PACKED] = floatBitsToUint(sum.x);
        if (PACKED == 2)
            state[base + to + w * PACKED + 1] = floatBitsToUint(sum.y);
    }
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint b = g.position / p.block + gl_WorkGroupID.x, head = gl_WorkGroupID.y;
    const uint from = (head * p.tokens + b * p.block) * (p.head_dim / PACKED);
    const uint to = (head * p.blocks + b) * p.head_dim;
    base = g.state;
    if (b >= (g.position + g.rows) / p.block)
        return;
    pool(p.k + from, p.pool_k + to);
    pool(p.v + from, p.pool_v + to);
}
