#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What lib/kv_plan.c does for a head, a workgroup each: lets the tokens that leave the window enter
// the retained buffer or be dropped, and says until which query every key is seen. Scores are
// compared as integers: for positive numbers that is the same order, and nothing becomes zero on
// the way. A thread has the buffer's slots that are congruent to it, and alone touches what belongs
// to them.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Score { uint score[]; };
layout(binding = 2) buffer State { uint state[]; };
layout(binding = 3) coherent buffer Plan { uint plan[]; };
#include "attend_plan.glsl"

const uint INFINITE = 0x7f800000u;
shared uint leaving[THREADS];   // scores of the tokens that leave before the next THREADS queries
shared uvec2 lowest[THREADS];   // score and slot

uint head, at, scores, filled;  // at: of the plan; scores: of the buffer
lte_vk_segment g;
uvec2 mine;                     // the lowest score of this thread's slots, and its slot
uvec2 low;                      // of all slots, if it is known
bool known = false;

// Of the token that leaves before query i.
uint leaving_score(uint i)
{
    const uint token = g.position + i - p.ring;
    if (token < p.sinks)
        return INFINITE;
    if (token + p.delay < g.position)
        return state[g.state + p.ring_score + head * p.ring + token % p.ring];
    return score[(g.row + token + p.delay - g.position) * p.heads + head];
}

uint leaving_key(uint i)
{
    return p.slots + (i >= p.ring ? i : (g.position + i) % p.ring);
}

bool lower(uvec2 a, uvec2 b)
{
    return a.x < b.x || a.x == b.x && a.y < b.y;
}

void scan(uint n)
{
    mine = uvec2(0xffffffffu);
    for (uint s = gl_LocalInvocationID.x; s < n; s += THREADS)
        if (state[scores + s] < mine.x)
            mine = uvec2(state[scores + s], s);
}

// The lowest score of the buffer, the first slot among equals. All threads call it.
uvec2 find_lowest()
{
    const uint i = gl_LocalInvocationID.x;
    barrier();
    lowest[i] = mine;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n && lower(lowest[i + n], lowest[i]))
            lowest[i] = lowest[i + n];
        barrier();
    }
    return lowest[0];
}

// Everything is seen from its row on, until it leaves.
void see(uint held)
{
    const uint used = ring_used(g.position);
    for (uint s = gl_LocalInvocationID.x; s < p.slots; s += THREADS) {
        plan[at + s] = s < held ? g.rows : 0;
        plan[at + plan_owner() + s] = s;
    }
    for (uint s = gl_LocalInvocationID.x; s < used; s += THREADS)
        plan[at + p.slots + s] = min(g.rows, ring_token(s, g.position) + p.ring - g.position);
    for (uint r = gl_LocalInvocationID.x; r < g.rows; r += THREADS)
        plan[at + p.slots + p.ring + r] = min(g.rows, r + p.ring);
    if (gl_LocalInvocationID.x == 0) {
        plan[at + plan_held()] = held;
        plan[at + plan_taken()] = 0;
    }
}

// The token that leaves before query i takes a slot; its former token is seen no longer.
void take(uint slot, bool occupied, uint x, uint i)
{
    const uint key = leaving_key(i), owner = at + plan_owner() + slot;
    if (slot % THREADS != gl_LocalInvocationID.x)
        return;
    if (occupied)
        plan[at + plan[owner]] = i;
    plan[owner] = key;
    plan[at + key] = g.rows;
    plan[at + plan_taken()] = slot + 1;
    state[scores + slot] = x;
    if (occupied)
        scan(p.slots);
    else if (x < mine.x)
        mine = uvec2(x, slot);
}

// Before query i a token with score x leaves.
void leave(uint i, uint x)
{
    if (!(x - 1 < INFINITE) || p.slots == 0) // not above 0, or NaN
        return;
    if (filled < p.slots) {
        take(filled++, false, x, i);
        return;
    }
    if (!known)
        low = find_lowest();
    known = x <= low.x;
    if (!known)
        take(low.y, true, x, i);
}

void evict(uint first)
{
    for (uint from = first; from < g.rows; from += THREADS) {
        const uint i = from + gl_LocalInvocationID.x;
        barrier();
        if (i < g.rows)
            leaving[gl_LocalInvocationID.x] = leaving_score(i);
        barrier();
        for (uint n = 0; n < min(THREADS, g.rows - from); n++)
            leave(from + n, leaving[n]);
    }
}

void main()
{
    g = segment[p.segment + gl_WorkGroupID.z];
    head = gl_WorkGroupID.y;
    at = plan_of(gl_WorkGroupID.z, head);
    scores = g.state + p.slots_score + head * p.slots;
    const uint used_at = g.state + p.slots_used + 2 * head;
    filled = state[used_at];
    see(filled);
    scan(filled);
    memoryBarrierBuffer();
    evict(g.position < p.ring ? p.ring - g.position : 0);
    if (gl_LocalInvocationID.x == 0)
        state[used_at] = filled;
}
