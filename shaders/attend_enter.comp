#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Which of the tokens that leave the window the retained buffer takes, and the plan as it would be
// if nothing left it: a thread a query, and a key of buffer, ring and call. The buffer holds the
// largest scores that came before, whatever their order: a token is taken if fewer than `slots` of
// those are as large as its own. Scores are compared as integers: for positive numbers that is the
// same order, and nothing becomes zero on the way.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Score { uint score[]; };
layout(binding = 2) readonly buffer State { uint state[]; };
layout(binding = 3) writeonly buffer Plan { uint plan[]; };
#include "attend_plan.glsl"

const uint INFINITE = 0x7f800000u;
const uint LOADS = 8, STAGE = LOADS * THREADS; // scores at a time
shared uvec4 stage[STAGE / 4];

uint head, at, held, first; // first: the query before which a token leaves
lte_vk_segment g;

// Of the token that leaves before query i; 0 if it may not be taken.
uint leaving_score(uint i)
{
    const uint token = g.position + i - p.ring;
    if (token < p.sinks)
        return INFINITE;
    uint x;
    if (token + p.delay < g.position)
        x = state[g.state + p.ring_score + head * p.ring + token % p.ring];
    else
        x = score[(g.row + token + p.delay - g.position) * p.heads + head];
    return x - 1 < INFINITE ? x : 0; // above 0, and not NaN
}

// The n-th that the buffer was offered: what it held, then what left.
uint offered(uint n)
{
    if (n < held)
        return state[g.state + p.slots_score + head * p.slots + n];
    return first + n - held < g.rows ? leaving_score(first + n - held) : 0;
}

// Of the stage's first `end` scores those that are as large as x.
uint count(uint x, uint end)
{
    uint n = 0;
    for (uint i = 0; i < end / 4; i++)
        n += uint(stage[i].x >= x) + uint(stage[i].y >= x) + uint(stage[i].z >= x) +
             uint(stage[i].w >= x);
    for (uint i = end / 4 * 4; i < end; i++)
        n += uint(stage[i / 4][i % 4] >= x);
    return n;
}

// All threads call it.
void enter(uint i)
{
    const uint last = min((gl_WorkGroupID.x + 1) * THREADS, g.rows); // the workgroup's, and one
    const uint x = i >= first && i < g.rows ? leaving_score(i) : 0;
    const uint before = x != 0 ? held + i - first : 0;
    uint better = 0;
    for (uint from = 0; last > first && from < held + last - first; from += STAGE) {
        uint loaded[LOADS];
        [[unroll]] for (uint n = 0; n < LOADS; n++)
            loaded[n] = offered(from + n * THREADS + gl_LocalInvocationID.x);
        barrier();
        [[unroll]] for (uint n = 0; n < LOADS; n++) {
            const uint e = n * THREADS + gl_LocalInvocationID.x;
            stage[e / 4][e % 4] = loaded[n];
        }
        barrier();
        better += count(x, min(max(before, from) - from, STAGE));
    }
    if (i < g.rows)
        plan[at + plan_entering() + i] = better < p.slots ? x : 0;
}

// Everything is seen from its row on, until it leaves the window.
void see(uint i)
{
    if (i < p.slots) {
        plan[at + i] = i < held ? g.rows : 0;
        plan[at + plan_owner() + i] = i;
    }
    if (i < ring_used(g.position))
        plan[at + p.slots + i] = min(g.rows, ring_token(i, g.position) + p.ring - g.position);
    if (i < g.rows)
        plan[at + p.slots + p.ring + i] = min(g.rows, i + p.ring);
    if (i == 0) {
        plan[at + plan_held()] = held;
        plan[at + plan_taken()] = 0;
    }
}

void main()
{
    const uint i = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    g = segment[p.segment + gl_WorkGroupID.z];
    head = gl_WorkGroupID.y;
    at = plan_of(gl_WorkGroupID.z, head);
    held = state[g.state + p.slots_used + 2 * head];
    first = p.ring - min(g.position, p.ring);
    see(i);
    enter(i);
}
