#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The candidates of a row, best first. Where a row is cut into parts, every workgroup finds those
// of its part, in any order, and then one finds those among theirs.
//
// A workgroup finds the last that has a place digit by digit: a histogram says which digit it has,
// and how many have higher ones. It ends as soon as all that begin with the digits so far have a
// place.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "candidate.glsl"

layout(constant_id = 0) const bool FIRST = true; // reads logits, not what parts have found
layout(constant_id = 1) const bool LAST = true;  // sorts, and gives out
layout(constant_id = 2) const uint HELD = 16;    // entries that a thread holds at once
layout(constant_id = 3) const bool FEW = true;   // no more candidates than threads

layout(push_constant) uniform Params { lte_candidates_params p; };
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) buffer Found { uvec2 found[]; }; // [rows][parts][count]
layout(binding = 2) writeonly buffer Y { uvec2 y[]; }; // [rows][count]: id, bits of the logit

const uint AT_ONCE = 8;        // entries of the list that are looked at together
const uint DIGITS = 4, BINS = 256, GROUP = 16; // of a word; of a digit; bins added up together

// Of every digit of a word: the histogram, then sums of GROUP bins.
shared uint bin[DIGITS][BINS + BINS / GROUP];
shared uint taken;
shared uvec2 list[LTE_VK_MOST_CANDIDATES];

uint row, from, end; // of this workgroup: entries from..end-1 of the row
uvec2 held[HELD];    // of this thread

// The block that begins there, NOTHING beyond the end. All loads are under way at once.
void load(uint block)
{
    const uint i = block + gl_LocalInvocationID.x;
    [[unroll]] for (uint n = 0; n < HELD; n++) {
        const uint at = min(i + n * THREADS, end - 1);
        held[n] = FIRST ? uvec2(at, x[row * p.stride + at]) : found[row * p.parts * p.count + at];
    }
    [[unroll]] for (uint n = 0; n < HELD; n++) {
        const uvec2 w = FIRST ? to_words(held[n].x, held[n].y) : held[n];
        held[n] = i + n * THREADS < end ? w : NOTHING;
    }
}

void clear()
{
    const uint me = gl_LocalInvocationID.x;
    barrier();
    [[unroll]] for (uint n = 0; n < DIGITS; n++)
        bin[n][me] = 0;
    barrier();
}

// Counts the entries that begin with `known` by their next digit, the n-th.
void count(uvec2 known, uvec2 mask, uint word, uint n)
{
    for (uint block = from; block < end; block += HELD * THREADS) {
        if (end - from > HELD * THREADS)
            load(block);
        [[unroll]] for (uint i = 0; i < HELD; i++) {
            const uvec2 w = held[i];
            if (w.x != 0 && (w & mask) == known)
                atomicAdd(bin[n][(word == 0 ? w.x : w.y) >> 24 - 8 * n & BINS - 1], 1);
        }
    }
    barrier();
}

void add_groups(uint n)
{
    const uint me = gl_LocalInvocationID.x;
    if (me < BINS / GROUP) {
        uint sum = 0;
        [[unroll]] for (uint i = 0; i < GROUP; i++) // each thread from another bank
            sum += bin[n][me * GROUP + (i + me) % GROUP];
        bin[n][BINS + me] = sum;
    }
    barrier();
}

// Of GROUP bins from the b-th on the last, from the highest down, with which and those above there
// are as many as places, or the lowest; `places` becomes those that are left for it.
uint last_of(uint n, uint b, inout uint places)
{
    uint at = 0, above = 0, sum = 0;
    bool open = true;
    [[unroll]] for (uint i = GROUP - 1; i > 0; i--) {
        const uint here = bin[n][b + i];
        if (open && sum + here >= places) {
            open = false;
            at = i;
            above = sum;
        }
        sum += here;
    }
    places -= open ? sum : above;
    return at;
}

// What the last that has a place begins with.
uvec2 find()
{
    uvec2 known = uvec2(0), mask = uvec2(0);
    uint places = p.count;
    for (uint word = 0; word < 2; word++) {
        clear();
        for (uint n = 0; n < DIGITS; n++) {
            const uint shift = 24 - 8 * n;
            count(known, mask, word, n);
            add_groups(n);
            const uint g = last_of(n, BINS, places) * GROUP, digit = g + last_of(n, g, places);
            known |= word == 0 ? uvec2(digit << shift, 0) : uvec2(0, digit << shift);
            mask |= word == 0 ? uvec2(BINS - 1 << shift, 0) : uvec2(0, BINS - 1 << shift);
            if (bin[n][digit] <= places)
                return known;
        }
    }
    return known;
}

void put(uint at, uvec2 w)
{
    if (LAST)
        list[at] = w;
    else
        found[(row * p.parts + gl_WorkGroupID.x) * p.count + at] = w;
}

// Puts all from `least` on; NOTHING into the places that are left, of `size`.
void take(uvec2 least, uint size)
{
    for (uint block = from; block < end; block += HELD * THREADS) {
        if (end - from > HELD * THREADS)
            load(block);
        [[unroll]] for (uint i = 0; i < HELD; i++)
            if (held[i].x != 0 && !ahead(least, held[i]))
                put(atomicAdd(taken, 1), held[i]);
    }
    barrier();
    for (uint n = taken + gl_LocalInvocationID.x; n < size; n += THREADS)
        put(n, NOTHING);
}

// list[size] of no more candidates than threads: one's place is how many are ahead of it.
void sort_few(uint size)
{
    const uint me = gl_LocalInvocationID.x;
    const uvec2 mine = me < size ? list[me] : NOTHING;
    uint place = 0;
    for (uint n = 0; n < size; n += AT_ONCE)
        [[unroll]] for (uint i = 0; i < AT_ONCE; i++)
            place += ahead(list[n + i], mine) ? 1 : 0;
    barrier();
    if (mine.x != 0)
        list[place] = mine;
}

// list[size], a power of two, by Batcher's bitonic sort.
void sort_many(uint size)
{
    for (uint run = 2; run <= size; run *= 2)
        for (uint far = run / 2; far > 0; far /= 2) {
            for (uint i = gl_LocalInvocationID.x; i < size / 2; i += THREADS) {
                const uint a = 2 * i - (i & far - 1), b = a + far;
                const uvec2 c = list[a], d = list[b];
                if ((a & run) == 0 ? ahead(d, c) : ahead(c, d)) {
                    list[a] = d;
                    list[b] = c;
                }
            }
            barrier();
        }
}

void give_out(uint size)
{
    barrier();
    if (FEW)
        sort_few(size);
    else
        sort_many(size);
    barrier();
    for (uint n = gl_LocalInvocationID.x; n < p.count; n += THREADS)
        y[row * p.count + n] = to_candidate(list[n]);
}

void main()
{
    const uint entries = FIRST ? p.ids : p.parts * p.count;
    const uint each = LAST ? entries : (entries + p.parts - 1) / p.parts;
    // as each sort takes them
    const uint size = !LAST ? p.count
                      : FEW ? (p.count + AT_ONCE - 1) / AT_ONCE * AT_ONCE
                            : 2u << findMSB(p.count - 1);
    if (gl_LocalInvocationID.x == 0)
        taken = 0;
    row = gl_WorkGroupID.y;
    from = gl_WorkGroupID.x * each;
    end = min(from + each, entries);
    load(from);
    take(find(), size);
    if (LAST)
        give_out(size);
}
