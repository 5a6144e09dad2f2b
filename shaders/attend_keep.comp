#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Moves the tokens that a head's buffer took during this call to their slots: a workgroup SLOTS
// slots.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "narrow.glsl"

const uint SLOTS = 8;
layout(constant_id = 0) const uint TYPE = LTE_F32;
const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer K { float k[]; };
layout(binding = 2) readonly buffer V { float v[]; };
layout(binding = 3) readonly buffer Plan { uint plan[]; };
layout(binding = 4) buffer State { uint state[]; };
#include "attend_plan.glsl"

uint words;
lte_vk_segment g;

void from_ring(uint slot, uint head, uint index)
{
    const uint to = (head * p.slots + slot) * words, from = (head * p.ring + index) * words;
    for (uint w = gl_LocalInvocationID.x; w < words; w += THREADS) {
        state[g.state + p.slots_k + to + w] = state[g.state + p.ring_k + from + w];
        state[g.state + p.slots_v + to + w] = state[g.state + p.ring_v + from + w];
    }
}

void from_call(uint slot, uint head, uint row)
{
    const uint to = (head * p.slots + slot) * words;
    const uint from = ((g.row + row) * p.heads + head) * p.head_dim;
    for (uint w = gl_LocalInvocationID.x; w < words; w += THREADS) {
        const uint at = from + w * PACKED;
        state[g.state + p.slots_k + to + w] =
            PACKED == 1 ? floatBitsToUint(k[at]) : lte_narrow(TYPE, vec2(k[at], k[at + 1]));
        state[g.state + p.slots_v + to + w] =
            PACKED == 1 ? floatBitsToUint(v[at]) : lte_narrow(TYPE, vec2(v[at], v[at + 1]));
    }
}

void keep(uint slot, uint head, uint key)
{
    const uint index = key - p.slots; // it was in the ring, or came in this call
    uint position;
    if (index < p.ring) {
        from_ring(slot, head, index);
        position = ring_token(index, g.position);
    } else {
        from_call(slot, head, index - p.ring);
        position = g.position + index - p.ring;
    }
    const uint at = g.state + p.slots_position + 2 * (head * p.slots + slot);
    if (gl_LocalInvocationID.x == 0) {
        state[at] = position;
        state[at + 1] = 0;
    }
}

void main()
{
    const uint head = gl_WorkGroupID.y, from = gl_WorkGroupID.x * SLOTS;
    const uint owner = plan_of(gl_WorkGroupID.z, head) + plan_owner();
    g = segment[p.segment + gl_WorkGroupID.z];
    words = p.head_dim / PACKED;
    for (uint slot = from; slot < min(from + SLOTS, p.slots); slot++)
        if (plan[owner + slot] >= p.slots)
            keep(slot, head, plan[owner + slot]);
}
