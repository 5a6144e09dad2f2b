#version 450
// SPDX-License-Identifier: BSD-2-Clause
// This call's keys, values and scores into the ring: a workgroup a token of a head. Last, because
// what was in the ring is needed until here. A single token overwrites the very one that leaves: if
// that is retained, it is moved before. Where loops share their keys and values, one that has left
// before this loop is kept as it was in the last loop before it left.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "maths.glsl"
#include "narrow.glsl"

layout(constant_id = 0) const uint TYPE = LTE_F32;
const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer K { float k[]; };
layout(binding = 2) readonly buffer V { float v[]; };
layout(binding = 3) readonly buffer Score { uint score[]; }; // or logits of leaving
layout(binding = 4) buffer State { uint state[]; };
layout(binding = 5) readonly buffer Plan { uint plan[]; };
#include "attend_plan.glsl"

uint logits; // where those of the row begin
float exit_logit(uint i) { return uintBitsToFloat(score[logits + i]); }
#include "loop_left.glsl"

// The token in the ring at word `from` into a slot of the buffer. A thread moves the words that it
// alone overwrites afterwards.
void keep(const lte_vk_segment g, uint head, uint slot, uint from, uint words)
{
    const uint to = g.state + (head * p.slots + slot) * words;
    for (uint w = gl_LocalInvocationID.x; w < words; w += THREADS) {
        state[to + p.slots_k + w] = state[from + p.ring_k + w];
        state[to + p.slots_v + w] = state[from + p.ring_v + w];
    }
    const uint at = g.state + p.slots_position + 2 * (head * p.slots + slot);
    if (gl_LocalInvocationID.x == 0) {
        state[at] = g.position - p.ring;
        state[at + 1] = 0;
    }
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint r = gl_WorkGroupID.x, head = gl_WorkGroupID.y, words = p.head_dim / PACKED;
    const uint to = g.state + (head * p.ring + (g.position + r) % p.ring) * words;
    const uint from = ((g.row + r) * p.heads + head) * p.head_dim;
    const uint taken = p.retains != 0 && p.rows == 1
                           ? plan[plan_of(gl_WorkGroupID.z, head) + plan_taken()] : 0;
    logits = (g.row + r) * p.logits;
    if (p.leaves != 0 && loop_left(p.loops, p.threshold))
        return;
    if (taken != 0)
        keep(g, head, taken - 1, to, words);
    for (uint w = gl_LocalInvocationID.x; r + p.ring >= g.rows && w < words; w += THREADS) {
        const uint at = from + w * PACKED;
        state[to + p.ring_k + w] =
            PACKED == 1 ? floatBitsToUint(k[at]) : lte_narrow(TYPE, vec2(k[at], k[at + 1]));
        state[to + p.ring_v + w] =
            PACKED == 1 ? floatBitsToUint(v[at]) : lte_narrow(TYPE, vec2(v[at], v[at + 1]));
    }
    // the score of the token `delay` earlier, if that one exists and is in the ring afterwards
    const uint token = g.position + r - p.delay;
    if (gl_LocalInvocationID.x == 0 && p.retains != 0 && g.position + r >= p.delay &&
        token + p.ring >= g.position + g.rows)
        state[g.state + p.ring_score + head * p.ring + token % p.ring] =
            score[(g.row + r) * p.heads + head];
}
