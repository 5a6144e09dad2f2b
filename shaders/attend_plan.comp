#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What lib/kv_plan.c does for a head, a workgroup each: lets the tokens that leave the window enter
// the retained buffer or be dropped, and says until which query every key is seen. Scores are
// compared as integers: for positive numbers that is the same order, and nothing becomes zero on
// the way. A thread has the buffer's slots that are congruent to it, and alone touches what belongs
// to them. The lowest score is that of the threads' lowest ones, in two levels; who changes a score
// renews them.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(constant_id = 0) const uint ROOM = 1; // slots that shared memory has room for, or 1: none

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Score { uint score[]; };
layout(binding = 2) buffer State { uint state[]; };
layout(binding = 3) coherent buffer Plan { uint plan[]; };
#include "attend_plan.glsl"

const uint INFINITE = 0x7f800000u;
const uint GATHER = 16, GROUPS = THREADS / GATHER; // threads of a group, and groups
shared uint leaving[THREADS]; // scores of the tokens that leave before the next THREADS queries
shared uint lowest[THREADS], lowest_at[THREADS]; // score and slot, of every thread
shared uint least[GROUPS], least_at[GROUPS];     // of every group
shared uvec2 low[2];          // of all, and before: some may still read that
shared uint held_score[ROOM], held_owner[ROOM];

uint head, at, scores, filled;  // at: of the plan; scores: of the buffer
uint turn = 0;
lte_vk_segment g;
bool known = false;             // what is lowest

uint score_of(uint slot) { return ROOM > 1 ? held_score[slot] : state[scores + slot]; }
uint owner_of(uint slot) { return ROOM > 1 ? held_owner[slot] : plan[at + plan_owner() + slot]; }

void put(uint slot, uint x, uint owner)
{
    if (ROOM > 1) {
        held_score[slot] = x;
        held_owner[slot] = owner;
    } else {
        state[scores + slot] = x;
        plan[at + plan_owner() + slot] = owner;
    }
}

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

// Of the thread's slots.
void scan()
{
    uvec2 mine = uvec2(0xffffffffu);
    for (uint s = gl_LocalInvocationID.x; s < p.slots; s += THREADS)
        if (score_of(s) < mine.x)
            mine = uvec2(score_of(s), s);
    lowest[gl_LocalInvocationID.x] = mine.x;
    lowest_at[gl_LocalInvocationID.x] = mine.y;
}

// Scores first: their minimum is found in fewer operations than that of pairs.
void gather(uint group)
{
    uint x = 0xffffffffu, slot = 0xffffffffu;
    [[unroll]] for (uint n = 0; n < GATHER; n++)
        x = min(x, lowest[group * GATHER + n]);
    [[unroll]] for (uint n = 0; n < GATHER; n++)
        slot = min(slot, lowest[group * GATHER + n] == x ? lowest_at[group * GATHER + n] : slot);
    least[group] = x;
    least_at[group] = slot;
}

void conclude()
{
    uint x = 0xffffffffu, slot = 0xffffffffu;
    [[unroll]] for (uint n = 0; n < GROUPS; n++)
        x = min(x, least[n]);
    [[unroll]] for (uint n = 0; n < GROUPS; n++)
        slot = min(slot, least[n] == x ? least_at[n] : slot);
    low[turn] = uvec2(x, slot);
}

// The lowest score of the buffer, the first slot among equals. All threads call it.
void find_lowest()
{
    const uint i = gl_LocalInvocationID.x;
    scan();
    barrier();
    if (i < GROUPS)
        gather(i);
    barrier();
    if (i == 0)
        conclude();
    barrier();
    known = true;
}

// Everything is seen from its row on, until it leaves.
void see(uint held)
{
    const uint used = ring_used(g.position);
    for (uint s = gl_LocalInvocationID.x; s < p.slots; s += THREADS) {
        plan[at + s] = s < held ? g.rows : 0;
        put(s, state[scores + s], s);
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
    const uint key = leaving_key(i);
    if (slot % THREADS != gl_LocalInvocationID.x)
        return;
    if (occupied)
        plan[at + owner_of(slot)] = i;
    put(slot, x, key);
    plan[at + key] = g.rows;
    plan[at + plan_taken()] = slot + 1;
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
        find_lowest();
    const uvec2 worst = low[turn];
    if (x <= worst.x)
        return;
    take(worst.y, true, x, i);
    turn = 1 - turn;
    if (worst.y % THREADS == gl_LocalInvocationID.x) {
        scan();
        gather(gl_LocalInvocationID.x / GATHER);
        conclude();
    }
    barrier();
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
    const uint held = state[used_at];
    filled = held;
    see(held);
    memoryBarrierBuffer();
    barrier();
    evict(g.position < p.ring ? p.ring - g.position : 0);
    for (uint s = gl_LocalInvocationID.x; ROOM > 1 && s < p.slots; s += THREADS) {
        plan[at + plan_owner() + s] = held_owner[s];
        if (s < filled)
            state[scores + s] = held_score[s];
    }
    if (gl_LocalInvocationID.x == 0)
        state[used_at] = filled;
}
