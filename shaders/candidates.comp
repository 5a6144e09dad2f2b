#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The candidates of a row, best first. Where a row is cut into parts, every workgroup finds those
// of its part, in any order, and then one finds those among theirs.
//
// A workgroup finds the last that has a place as two words, rank and inverted id, digit by digit: a
// histogram says which digit the last one has, and how many there are with higher ones. It ends as
// soon as all that have the digits so far have a place.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "candidate.glsl"

layout(constant_id = 0) const bool FIRST = true; // reads logits, not what parts have found
layout(constant_id = 1) const bool LAST = true;  // sorts, and gives out

layout(push_constant) uniform Params { lte_candidates_params p; };
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) buffer Found { uvec2 found[]; }; // [rows][parts][count]
layout(binding = 2) writeonly buffer Y { uvec2 y[]; };

const uint DIGIT = 255, GROUP = 16; // of bins that are added up together
const uint AHEAD = 8;               // loads under way in a thread

shared uint bin[THREADS], group[THREADS / GROUP];
shared uvec3 last; // a digit, how many have a higher one, how many have it
shared uint taken;
shared uvec2 list[LTE_VK_MOST_CANDIDATES];

uint row, from, end; // of this workgroup: entries from..end-1 of the row

uvec2 entry(uint i)
{
    return FIRST ? uvec2(i, x[row * p.stride + i]) : found[row * p.parts * p.count + i];
}

// AHEAD entries of this thread, the first of them number i; NOTHING beyond the end.
void load(uint i, out uvec2 c[AHEAD])
{
    [[unroll]] for (uint n = 0; n < AHEAD; n++)
        c[n] = entry(min(i + n * THREADS, end - 1));
    [[unroll]] for (uint n = 0; n < AHEAD; n++)
        c[n] = i + n * THREADS < end ? c[n] : NOTHING;
}

uvec2 words(uvec2 c)
{
    return uvec2(lte_rank(c.y), ~c.x);
}

// Counts the entries that begin with `known` by their next digit.
void count(uvec2 known, uvec2 mask, uint word, uint shift)
{
    const uint me = gl_LocalInvocationID.x;
    bin[me] = 0;
    barrier();
    for (uint i = from + me; i < end; i += AHEAD * THREADS) {
        uvec2 c[AHEAD];
        load(i, c);
        [[unroll]] for (uint n = 0; n < AHEAD; n++) {
            const uvec2 w = words(c[n]);
            if (w.x > LEAST && (w & mask) == known)
                atomicAdd(bin[(word == 0 ? w.x : w.y) >> shift & DIGIT], 1);
        }
    }
    barrier();
}

// The highest digit with which, and above, there are as many entries as places, or the lowest.
uvec3 last_digit(uint places)
{
    const uint me = gl_LocalInvocationID.x;
    if (me < THREADS / GROUP) {
        uint sum = 0;
        [[unroll]] for (uint n = 0; n < GROUP; n++)
            sum += bin[me * GROUP + n];
        group[me] = sum;
    }
    barrier();
    uint above = 0;
    [[unroll]] for (uint n = 1; n < GROUP; n++) {
        if (me % GROUP + n < GROUP)
            above += bin[me + n];
        if (me / GROUP + n < THREADS / GROUP)
            above += group[me / GROUP + n];
    }
    if (above < places && (places <= above + bin[me] || me == 0))
        last = uvec3(me, above, bin[me]);
    barrier();
    return last;
}

// What the last that has a place begins with.
uvec2 find()
{
    uvec2 known = uvec2(0), mask = uvec2(0);
    uint places = p.count;
    for (uint n = 0; n < 8; n++) {
        const uint word = n / 4, shift = 24 - n % 4 * 8;
        count(known, mask, word, shift);
        const uvec3 digit = last_digit(places);
        known |= word == 0 ? uvec2(digit.x << shift, 0) : uvec2(0, digit.x << shift);
        mask |= word == 0 ? uvec2(DIGIT << shift, 0) : uvec2(0, DIGIT << shift);
        places -= digit.y;
        if (digit.z <= places)
            break;
    }
    return known;
}

void put(uint at, uvec2 c)
{
    if (LAST)
        list[at] = c;
    else
        found[(row * p.parts + gl_WorkGroupID.x) * p.count + at] = c;
}

// Puts all from `least` on; NOTHING into the places that are left, up to `size`.
void take(uvec2 least, uint size)
{
    const uint me = gl_LocalInvocationID.x;
    if (me == 0)
        taken = 0;
    barrier();
    for (uint i = from + me; i < end; i += AHEAD * THREADS) {
        uvec2 c[AHEAD];
        load(i, c);
        [[unroll]] for (uint n = 0; n < AHEAD; n++) {
            const uvec2 w = words(c[n]);
            if (w.x > LEAST && (w.x > least.x || (w.x == least.x && w.y >= least.y)))
                put(atomicAdd(taken, 1), c[n]);
        }
    }
    barrier();
    for (uint n = taken + me; n < size; n += THREADS)
        put(n, NOTHING);
}

// list[size], a power of two, by Batcher's bitonic sort.
void sort(uint size)
{
    for (uint run = 2; run <= size; run *= 2)
        for (uint far = run / 2; far > 0; far /= 2) {
            barrier();
            for (uint i = gl_LocalInvocationID.x; i < size / 2; i += THREADS) {
                const uint a = 2 * i - (i & far - 1), b = a + far;
                const uvec2 c = list[a], d = list[b];
                if ((a & run) == 0 ? ahead(d, c) : ahead(c, d)) {
                    list[a] = d;
                    list[b] = c;
                }
            }
        }
    barrier();
}

void main()
{
    const uint entries = FIRST ? p.ids : p.parts * p.count;
    const uint each = LAST ? entries : (entries + p.parts - 1) / p.parts;
    const uint size = LAST && p.count > 1 ? 2u << findMSB(p.count - 1) : p.count;
    row = gl_WorkGroupID.y;
    from = gl_WorkGroupID.x * each;
    end = min(from + each, entries);
    take(find(), size);
    if (LAST) {
        sort(size);
        for (uint n = gl_LocalInvocationID.x; n < p.count; n += THREADS)
            y[row * p.count + n] = list[n];
    }
}
