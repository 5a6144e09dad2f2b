#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend of a single token: a workgroup HEADS query heads of a key head and its share of the keys,
// which are numbered buffer, ring, then the token's own. Whether the token that leaves the window
// is retained is found out by each of them: that is faster than to wait for one that does. Shares
// are left unfinished, for attend_finish, with what is to become of the leaving token.
#extension GL_GOOGLE_include_directive : require
#define THREADS 128
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint DIM = 64; // a multiple of four
layout(constant_id = 1) const uint HEADS = 4;
layout(constant_id = 2) const uint TILE = 32; // keys at a time; a power of two
layout(constant_id = 3) const uint TYPE = LTE_F32;

const uint VECTORS = DIM / 4;
const uint STRIDE = VECTORS + 1;             // of a tile's rows: no two threads at one bank
const uint PARTS = THREADS / VECTORS;        // threads that share the values of a tile,
const uint EACH = (TILE + PARTS - 1) / PARTS; // and keys of one of them
const uint LOADS = (TILE * VECTORS + THREADS - 1) / THREADS;
const uint PAIRS = (TILE * HEADS + THREADS - 1) / THREADS; // of key and query of a thread
const uint ROOM = TILE * STRIDE > 4 * THREADS ? TILE * STRIDE : 4 * THREADS;
const uint SCORES = 4, GATHER = 8; // of slots, that a thread looks at together
const uint INFINITE = 0x7f800000u;
const float LOWEST = -3.402823466e38;

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 1) readonly buffer State2 { uvec2 state2[]; };
layout(binding = 1) readonly buffer State4 { uvec4 state4[]; };
layout(binding = 2) readonly buffer Q { vec4 q[]; };
layout(binding = 3) readonly buffer K { vec4 k[]; };
layout(binding = 4) readonly buffer V { vec4 v[]; };
layout(binding = 5) readonly buffer Score { uint score[]; };
layout(binding = 6) writeonly buffer Share { vec4 share[]; };
layout(binding = 6) writeonly buffer Tail { vec2 tail[]; };
layout(binding = 7) writeonly buffer Leaving { uvec4 leaving[]; };

shared vec4 tile[ROOM];
shared vec4 query[HEADS * VECTORS];
shared float weight[HEADS * TILE], chance[HEADS * TILE]; // scores, and their exponentials
shared float fall[HEADS], most[HEADS];
shared bool seen[TILE];
shared uvec2 lowest[THREADS];

lte_vk_segment g;
uint key_head, first_head;
uint used, keys;               // tokens in the ring; keys there are
uint held, taken;              // slots in use; the leaving token's, plus one
uint hidden, gone;             // keys that are no longer seen: in the buffer, and in the ring
uint worth;                    // score of the leaving token
vec4 sum[HEADS];
float total[HEADS], top[PAIRS];

// Of the token that leaves.
uint leaving_score()
{
    const uint token = g.position - p.ring;
    if (token < p.sinks)
        return INFINITE;
    if (token + p.delay < g.position)
        return state[g.state + p.ring_score + key_head * p.ring + token % p.ring];
    return score[(g.row + token + p.delay - g.position) * p.heads + key_head];
}

bool lower(uvec2 a, uvec2 b)
{
    return a.x < b.x || a.x == b.x && a.y < b.y;
}

// The lowest score of the buffer, the first slot among equals.
uvec2 find_lowest()
{
    const uint i = gl_LocalInvocationID.x, from = g.state + p.slots_score + key_head * p.slots;
    uvec2 low = uvec2(0xffffffffu);
    for (uint first = i; first < p.slots; first += SCORES * THREADS) {
        uint x[SCORES];
        for (uint n = 0; n < SCORES; n++)
            x[n] = state[from + min(first + n * THREADS, p.slots - 1)];
        for (uint n = 0; n < SCORES; n++)
            if (first + n * THREADS < p.slots && x[n] < low.x)
                low = uvec2(x[n], first + n * THREADS);
    }
    lowest[i] = low;
    barrier();
    if (i < THREADS / GATHER)
        for (uint n = 1; n < GATHER; n++)
            if (lower(lowest[i + n * THREADS / GATHER], low))
                low = lowest[i + n * THREADS / GATHER];
    barrier();
    if (i < THREADS / GATHER)
        lowest[i] = low;
    barrier();
    low = lowest[0];
    for (uint n = 1; n < THREADS / GATHER; n++)
        if (lower(lowest[n], low))
            low = lowest[n];
    return low;
}

// What the rules of lib/kv_plan.c come to for one token.
void decide()
{
    held = p.retains != 0 ? state[g.state + p.slots_used + 2 * key_head] : 0;
    taken = worth = 0;
    hidden = gone = 0xffffffffu;
    if (g.position < p.ring)
        return;
    gone = p.slots + g.position % p.ring;
    if (p.retains == 0)
        return;
    worth = leaving_score();
    const bool full = held == p.slots;
    if (!(worth - 1 < INFINITE) || p.slots == 0) // not above 0, or NaN
        return;
    const uvec2 low = full ? find_lowest() : uvec2(0, held);
    if (full && worth <= low.x)
        return;
    taken = low.y + 1;
    hidden = full ? low.y : hidden;
    gone = 0xffffffffu;
}

bool visible(uint key)
{
    const bool there = key >= p.slots || key < held && key != hidden;
    return there && key < keys && key != gone;
}

vec4 load(uint key, uint quad, bool values)
{
    const bool buffered = key < p.slots;
    const uint slot = min(key - p.slots, p.ring - 1);
    const uint row = buffered ? key_head * p.slots + key : key_head * p.ring + slot;
    const uint from = g.state + (values ? buffered ? p.slots_v : p.ring_v
                                        : buffered ? p.slots_k : p.ring_k);
    if (key + 1 >= keys) {
        const uint at = (g.row * p.heads + key_head) * VECTORS + quad;
        return values ? v[at] : k[at];
    }
    if (TYPE == LTE_F32)
        return uintBitsToFloat(state4[from / 4 + row * VECTORS + quad]);
    const uvec2 words = state2[from / 2 + row * VECTORS + quad];
    return vec4(lte_widen(TYPE, words.x), lte_widen(TYPE, words.y));
}

// The products of the tile with the queries; of keys that are not seen LOWEST.
void score_tile()
{
    for (uint n = 0; n < PAIRS; n++) {
        const uint e = gl_LocalInvocationID.x + n * THREADS, key = e % TILE;
        const uint head = min(e / TILE, HEADS - 1);
        vec4 x = vec4(0);
        for (uint quad = 0; quad < VECTORS; quad++)
            x = fma(tile[key * STRIDE + quad], query[head * VECTORS + quad], x);
        if (e < TILE * HEADS)
            weight[e] = seen[key] ? x.x + x.y + (x.z + x.w) : LOWEST;
    }
}

void raise()
{
    for (uint n = 0; n < PAIRS; n++) {
        const uint e = gl_LocalInvocationID.x + n * THREADS, head = min(e / TILE, HEADS - 1);
        float high = top[n];
        for (uint key = 0; key < TILE; key++)
            high = max(high, weight[head * TILE + key]);
        if (e < TILE * HEADS) {
            chance[e] = seen[e % TILE] ? lte_exp(weight[e] - high) : 0.0;
            if (e % TILE == 0) {
                fall[head] = lte_exp(top[n] - high);
                most[head] = high;
            }
        }
        top[n] = high;
    }
}

void add_values(vec4 value[EACH])
{
    const uint part = gl_LocalInvocationID.x / VECTORS;
    for (uint n = 0; n < EACH; n++)
        value[n] = seen[min(part + n * PARTS, TILE - 1)] ? value[n] : vec4(0);
    for (uint head = 0; head < HEADS; head++) {
        sum[head] *= fall[head];
        total[head] *= fall[head];
        for (uint n = 0; n < EACH; n++) {
            const uint key = part + n * PARTS;
            const float x = key < TILE ? chance[head * TILE + min(key, TILE - 1)] : 0.0;
            sum[head] = fma(value[n], vec4(x), sum[head]);
            total[head] += x;
        }
    }
}

void take_tile(uint from, bool first)
{
    const uint i = gl_LocalInvocationID.x;
    vec4 key[LOADS], value[EACH];
    for (uint n = 0; n < LOADS; n++) {
        const uint e = min(i + n * THREADS, TILE * VECTORS - 1);
        key[n] = load(min(from + e / VECTORS, keys - 1), e % VECTORS, false);
    }
    for (uint n = 0; n < EACH; n++)
        value[n] = load(min(from + i / VECTORS + n * PARTS, keys - 1), i % VECTORS, true);
    if (first)
        decide();
    barrier();
    for (uint n = 0; n < LOADS; n++) {
        const uint e = i + n * THREADS;
        if (e < TILE * VECTORS)
            tile[e / VECTORS * STRIDE + e % VECTORS] = key[n];
    }
    for (uint n = i; n < TILE; n += THREADS)
        seen[n] = visible(from + n);
    barrier();
    score_tile();
    barrier();
    raise();
    barrier();
    add_values(value);
}

void load_queries()
{
    for (uint e = gl_LocalInvocationID.x; e < HEADS * VECTORS; e += THREADS) {
        const uint head = min(first_head + e / VECTORS, p.group - 1);
        const uint row = (g.row * p.heads + key_head) * p.group + head;
        query[e] = p.scale * q[row * VECTORS + e % VECTORS];
    }
}

// The parts' sums and totals, four heads at a time.
void finish()
{
    const uint i = gl_LocalInvocationID.x, shares = p.heads * p.group * p.splits;
    for (uint from = 0; from < HEADS; from += 4) {
        const uint heads = min(4, HEADS - from);
        barrier();
        for (uint n = 0; n < heads; n++) {
            tile[n * THREADS + i] = sum[from + n];
            if (i % VECTORS == 0 && i < PARTS * VECTORS)
                weight[n * PARTS + i / VECTORS] = total[from + n];
        }
        barrier();
        for (uint e = i; e < heads * VECTORS; e += THREADS) {
            const uint n = e / VECTORS, quad = e % VECTORS, head = first_head + from + n;
            const uint at = gl_WorkGroupID.z * shares +
                            (key_head * p.group + head) * p.splits + gl_WorkGroupID.x;
            vec4 x = vec4(0);
            float whole = 0;
            for (uint part = 0; part < PARTS; part++) {
                x += tile[n * THREADS + part * VECTORS + quad];
                whole += weight[n * PARTS + part];
            }
            if (head >= p.group)
                continue;
            share[at * VECTORS + quad] = x;
            if (quad == 0)
                tail[gl_NumWorkGroups.z * shares * (DIM / 2) + at] = vec2(most[from + n], whole);
        }
    }
}

void main()
{
    const uint parts = (p.group + HEADS - 1) / HEADS, i = gl_LocalInvocationID.x;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y / parts;
    first_head = gl_WorkGroupID.y % parts * HEADS;
    used = min(g.position, p.ring);
    keys = p.slots + used + 1;
    const uint tiles = (keys + TILE - 1) / TILE;
    const uint first = tiles * gl_WorkGroupID.x / p.splits;
    const uint end = tiles * (gl_WorkGroupID.x + 1) / p.splits;
    for (uint n = 0; n < HEADS; n++) {
        sum[n] = vec4(0);
        total[n] = 0;
    }
    for (uint n = 0; n < PAIRS; n++)
        top[n] = LOWEST;
    if (i < HEADS)
        most[i] = LOWEST;
    load_queries();
    for (uint n = first; n < end; n++)
        take_tile(n * TILE, n == first);
    if (first == end && gl_WorkGroupID.x == 0)
        decide();
    finish();
    if (gl_WorkGroupID.x == 0 && first_head == 0 && i == 0)
        leaving[gl_WorkGroupID.z * p.heads + key_head] = uvec4(taken, worth, held, 0);
}
