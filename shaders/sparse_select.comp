#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The units that a query gets: some at the beginning and up to its own, and of those between the
// ones with the highest scores, of equals the earlier (lib/sparse/top_k.h). A workgroup a list.
// Ranks are integers in the order of the scores; three histograms, of 11, 11 and 10 bits, find the
// rank of the last that is taken. Then every thread lists what it finds in a run of adjacent units,
// behind what those before it find.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "rank.glsl"

layout(push_constant) uniform Params { lte_sparse_select_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Score { uint score[]; };
layout(binding = 2) writeonly buffer Chosen { uint chosen[]; };

const uint BINS = 2048, EACH = BINS / THREADS;

shared uint bin[BINS];
shared uvec2 running[THREADS];
shared uint found_digit, found_above;

uint scores, complete; // of the list; units that have a score
uint from, end;        // units between those that are forced

uint rank(uint unit)
{
    return unit >= complete ? LEAST : lte_rank(score[scores + unit]);
}

// Of every thread's x the sum over it and those before it. All threads call it.
uvec2 sum_to(uvec2 x)
{
    const uint me = gl_LocalInvocationID.x;
    barrier();
    running[me] = x;
    barrier();
    for (uint n = 1; n < THREADS; n *= 2) {
        const uvec2 before = me >= n ? running[me - n] : uvec2(0);
        barrier();
        running[me] += before;
        barrier();
    }
    return running[me];
}

// Of the ranks that begin with the digits of `known`, the digit at `shift` of the k-th highest; k
// becomes its place among those with this digit too.
uint next_digit(uint known, uint mask, uint shift, uint bits, inout uint k)
{
    const uint me = gl_LocalInvocationID.x;
    barrier();
    for (uint n = 0; n < EACH; n++)
        bin[me * EACH + n] = 0;
    barrier();
    for (uint i = from + me; i < end; i += THREADS) {
        const uint r = rank(i);
        if ((r & mask) == known)
            atomicAdd(bin[BINS - 1 - (r >> shift & (1u << bits) - 1u)], 1);
    }
    barrier();
    uint mine = 0;
    for (uint n = 0; n < EACH; n++)
        mine += bin[me * EACH + n];
    uint above = sum_to(uvec2(mine, 0)).x - mine;
    for (uint n = 0; n < EACH; n++) {
        const uint here = bin[me * EACH + n];
        if (above < k && k <= above + here) {
            found_digit = BINS - 1 - (me * EACH + n);
            found_above = above;
        }
        above += here;
    }
    barrier();
    k -= found_above;
    return found_digit << shift;
}

// The k best units from `from` to `end`, of which there are more, to chosen[at] and on.
void select_best(uint k, uint at)
{
    uint equals = k;
    uint last = next_digit(0, 0, 21, 11, equals);
    last |= next_digit(last, 0xffe00000u, 10, 11, equals);
    last |= next_digit(last, 0xfffffc00u, 0, 10, equals);
    const uint run = (end - from + THREADS - 1) / THREADS;
    const uint begin = from + gl_LocalInvocationID.x * run, stop = min(begin + run, end);
    uvec2 mine = uvec2(0); // higher ones, and equals
    for (uint i = begin; i < stop; i++) {
        const uint r = rank(i);
        mine += uvec2(r > last ? 1 : 0, r == last ? 1 : 0);
    }
    uvec2 before = sum_to(mine) - mine;
    for (uint i = begin; i < stop; i++) {
        const uint r = rank(i);
        if (r > last || (r == last && before.y < equals))
            chosen[at + before.x + min(before.y, equals)] = i;
        before += uvec2(r > last ? 1 : 0, r == last ? 1 : 0);
    }
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint i = p.first + gl_WorkGroupID.x, me = gl_LocalInvocationID.x;
    const uint heads = gl_NumWorkGroups.y, head = gl_WorkGroupID.y;
    const uint at = ((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.top;
    if (i >= g.rows)
        return;
    const uint position = g.position + i, units = position / p.pool + 1;
    if (units <= p.top) {
        for (uint n = me; n < units; n += THREADS)
            chosen[at + n] = n;
        return;
    }
    scores = ((gl_WorkGroupID.z * gl_NumWorkGroups.x + gl_WorkGroupID.x) * heads + head) * p.stride;
    complete = (position + 1) / p.pool;
    const uint last = min(p.forced_last, p.top - p.forced_first), k = p.top - p.forced_first - last;
    from = p.forced_first;
    end = units - last;
    for (uint n = me; n < from; n += THREADS)
        chosen[at + n] = n;
    for (uint n = me; n < last; n += THREADS)
        chosen[at + p.top - last + n] = end + n;
    if (k > 0)
        select_best(k, at + from);
}
