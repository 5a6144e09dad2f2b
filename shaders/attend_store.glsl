// SPDX-License-Identifier: BSD-2-Clause
// Storing a token in the ring. A single token overwrites the very one that leaves: if that is
// retained, it is moved before. Where loops share their keys and values, a token that has left
// before this loop is kept as it was in the last loop before it left. A shader that includes this
// has maths.glsl, p, TYPE, and bound k, v, score and state.
#ifndef LTE_SHADERS_ATTEND_STORE_GLSL
#define LTE_SHADERS_ATTEND_STORE_GLSL

#include "narrow.glsl"

const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word

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

// Row r of a segment; taken: the slot for the token that leaves, plus one, or 0.
void store(const lte_vk_segment g, uint r, uint head, uint taken)
{
    const uint words = p.head_dim / PACKED;
    const uint to = g.state + (head * p.ring + (g.position + r) % p.ring) * words;
    const uint from = ((g.row + r) * p.heads + head) * p.head_dim;
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

#endif
