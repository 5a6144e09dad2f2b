#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend of simd/attend.h over buffer, ring and this call. A workgroup has ROWS rows, which are HEADS
// query heads of one key head for some queries, and takes its share of the keys in tiles: products with
// all rows, running maxima, then the values. With several shares a row's unfinished sums go to
// attend_join.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint DIM = 64;
layout(constant_id = 1) const uint ROWS = 16;
layout(constant_id = 2) const uint HEADS = 1;
layout(constant_id = 3) const uint TILE = 32;
layout(constant_id = 4) const uint TYPE = LTE_F32;

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) readonly buffer K { float k[]; };
layout(binding = 4) readonly buffer V { float v[]; };
layout(binding = 5) readonly buffer Plan { uint plan[]; };
layout(binding = 6) writeonly buffer Out { float o[]; };
#include "attend_plan.glsl"

const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word
const uint VECTORS = (DIM + 3) / 4;          // of a query; filled up with zeros
const uint STRIDE = 4 * VECTORS + 1;         // of a tile's rows: no two threads at one bank
const uint QUADS = (ROWS + 3) / 4;           // of rows
const uint STEP = THREADS / TILE, PAIRS = (ROWS + STEP - 1) / STEP;
const uint COLUMNS = (DIM + THREADS - 1) / THREADS;
const uint NEVER = 0xffffffffu;
const float LOWEST = -3.402823466e38;

shared vec4 query[ROWS * VECTORS];
shared float tile[TILE * STRIDE];
shared vec4 weight[TILE * QUADS];            // scores, then their exponentials
shared uvec2 seen[TILE];                     // queries [x, y) see the key
shared float high[4 * QUADS], fall[4 * QUADS]; // a row's maximum; by how much its sums shrink
shared uint useful[3];                       // whether a tile has a key that a query sees

vec4 sum[COLUMNS * QUADS];                   // of a thread's columns, for every row
float total, top = LOWEST;                   // of the row with the thread's number
lte_vk_segment g;
uint key_head, first_head, first, last;      // heads of the group, queries of the workgroup
uint held, used;                             // keys in the buffer and in the ring

// The queries that see key i of buffer, ring and call.
uvec2 visible(uint i, uint keys)
{
    const uint at = plan_of(gl_WorkGroupID.z, key_head);
    if (i >= keys)
        return uvec2(NEVER, 0);
    if (i < held)
        return uvec2(0, plan[at + i]);
    i -= held;
    if (i < used)
        return uvec2(0, p.retains != 0 ? plan[at + p.slots + i]
                                       : ring_token(i, g.position) + p.ring - g.position);
    i -= used;
    return uvec2(i, p.retains != 0 ? plan[at + p.slots + p.ring + i] : i + p.ring);
}

// PACKED numbers of key i, or of its value.
vec2 load(uint i, uint d, bool values)
{
    if (i >= held + used) {
        const uint at = ((g.row + i - held - used) * p.heads + key_head) * DIM + d;
        return values ? vec2(v[at], v[at + PACKED - 1]) : vec2(k[at], k[at + PACKED - 1]);
    }
    const uint buffered = values ? p.slots_v : p.slots_k, ringed = values ? p.ring_v : p.ring_k;
    const uint row = i < held ? key_head * p.slots + i : key_head * p.ring + i - held;
    return lte_widen(TYPE, state[g.state + (i < held ? buffered : ringed) +
                                 (row * DIM + d) / PACKED]);
}

void load_tile(uint from, uint keys, bool values)
{
    for (uint e = gl_LocalInvocationID.x; e < TILE * DIM / PACKED; e += THREADS) {
        const uint n = e / (DIM / PACKED), d = e % (DIM / PACKED) * PACKED;
        const vec2 x = from + n < keys && seen[n].x < seen[n].y ? load(from + n, d, values) : vec2(0);
        tile[n * STRIDE + d] = x.x;
        if (PACKED == 2)
            tile[n * STRIDE + d + 1] = x.y;
    }
}

// Every row with every key of the tile. A thread has one key, and every STEP-th row.
void score_tile()
{
    const uint key = gl_LocalInvocationID.x % TILE, first_row = gl_LocalInvocationID.x / TILE;
    float x[PAIRS];
    for (uint n = 0; n < PAIRS; n++)
        x[n] = 0;
    for (uint d = 0; d < VECTORS; d++) {
        const uint at = key * STRIDE + 4 * d;
        const vec4 y = vec4(tile[at], tile[at + 1], tile[at + 2], tile[at + 3]);
        for (uint n = 0; n < PAIRS; n++)
            x[n] += dot(query[min(first_row + n * STEP, ROWS - 1) * VECTORS + d], y);
    }
    for (uint n = 0; n < PAIRS; n++) {
        const uint row = first_row + n * STEP;
        if (row < ROWS)
            weight[key * QUADS + row / 4][row % 4] = x[n];
    }
}

bool sees(uint row, uint key)
{
    const uint i = first + row / HEADS;
    return seen[key].x <= i && i < seen[key].y;
}

// The thread of a row finds how far its maximum rises.
void raise(uint row)
{
    float most = top;
    for (uint key = 0; key < TILE; key++)
        if (sees(row, key))
            most = max(most, weight[key * QUADS + row / 4][row % 4]);
    fall[row] = lte_exp(top - most);
    high[row] = top = most;
}

void weigh()
{
    for (uint e = gl_LocalInvocationID.x; e < 4 * QUADS * TILE; e += THREADS) {
        const uint key = e / (4 * QUADS), row = e % (4 * QUADS), at = e / 4;
        weight[at][row % 4] =
            row < ROWS && sees(row, key) ? lte_exp(weight[at][row % 4] - high[row]) : 0.0;
    }
}

void add_values()
{
    for (uint c = 0; c < COLUMNS; c++) {
        const uint d = gl_LocalInvocationID.x + c * THREADS;
        for (uint n = 0; n < QUADS; n++)
            sum[c * QUADS + n] *= vec4(fall[4 * n], fall[4 * n + 1], fall[4 * n + 2], fall[4 * n + 3]);
        for (uint key = 0; d < DIM && key < TILE; key++) {
            const float x = tile[key * STRIDE + d];
            for (uint n = 0; n < QUADS; n++)
                sum[c * QUADS + n] += weight[key * QUADS + n] * x;
        }
    }
    const uint row = gl_LocalInvocationID.x;
    if (row >= ROWS)
        return;
    total *= fall[row];
    for (uint key = 0; key < TILE; key++)
        total += weight[key * QUADS + row / 4][row % 4];
}

void take_tile(uint n, uint keys)
{
    const uint i = gl_LocalInvocationID.x, from = n * TILE;
    barrier();
    if (i == 0)
        useful[(n + 1) % 3] = 0;
    if (i < TILE) {
        seen[i] = visible(from + i, keys);
        if (seen[i].x <= last && first < seen[i].y)
            useful[n % 3] = 1;
    }
    barrier();
    if (useful[n % 3] == 0)
        return;
    load_tile(from, keys, false);
    barrier();
    score_tile();
    barrier();
    if (i < ROWS)
        raise(i);
    load_tile(from, keys, true);
    barrier();
    weigh();
    barrier();
    add_values();
}

void load_queries()
{
    for (uint e = gl_LocalInvocationID.x; e < TILE * STRIDE; e += THREADS)
        tile[e] = 0;
    for (uint e = gl_LocalInvocationID.x; e < ROWS * 4 * VECTORS; e += THREADS) {
        const uint row = e / (4 * VECTORS), d = e % (4 * VECTORS), i = min(first + row / HEADS, last);
        const uint h = min(first_head + row % HEADS, p.group - 1);
        const uint at = ((g.row + i) * p.heads * p.group + key_head * p.group + h) * DIM + d;
        query[e / 4][d % 4] = d < DIM ? p.scale * q[at] : 0.0;
    }
}

// Shares of a row lie together: DIM sums, then the maximum and the total.
void finish(uint share)
{
    const uint row = gl_LocalInvocationID.x;
    barrier();
    if (row < ROWS) {
        high[row] = top;
        fall[row] = total;
    }
    barrier();
    for (uint r = 0; r < ROWS; r++) {
        const uint i = first + r / HEADS, h = first_head + r % HEADS;
        const uint heads = p.heads * p.group, head = key_head * p.group + h;
        if (i > last || h >= p.group)
            continue;
        const uint at = p.splits == 1 ? ((g.row + i) * heads + head) * DIM
            : (((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.splits + share) * (DIM + 2);
        for (uint c = 0; c < COLUMNS; c++) {
            const uint d = gl_LocalInvocationID.x + c * THREADS;
            const float x = sum[c * QUADS + r / 4][r % 4];
            if (d < DIM)
                o[at + d] = p.splits > 1 ? x : fall[r] == 0.0 ? 0.0 : x / fall[r];
        }
        if (p.splits > 1 && row == 0) {
            o[at + DIM] = high[r];
            o[at + DIM + 1] = fall[r];
        }
    }
}

void main()
{
    const uint parts = (p.group + HEADS - 1) / HEADS, share = gl_WorkGroupID.x % p.splits;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y / parts;
    first_head = gl_WorkGroupID.y % parts * HEADS;
    first = gl_WorkGroupID.x / p.splits * (ROWS / HEADS);
    last = min(first + ROWS / HEADS, g.rows) - 1;
    if (first >= g.rows)
        return;
    held = p.retains != 0 ? plan[plan_of(gl_WorkGroupID.z, key_head) + plan_held()] : 0;
    used = ring_used(g.position);
    for (uint i = 0; i < COLUMNS * QUADS; i++)
        sum[i] = vec4(0);
    if (gl_LocalInvocationID.x < 4 * QUADS)
        fall[gl_LocalInvocationID.x] = 0; // also of rows that only fill a quad
    total = 0;
    if (gl_LocalInvocationID.x < 3)
        useful[gl_LocalInvocationID.x] = 0;
    load_queries();
    // keys of later rows than the last query's are not for this workgroup
    const uint keys = held + used + last + 1, tiles = (keys + TILE - 1) / TILE;
    for (uint n = tiles * share / p.splits; n < tiles * (share + 1) / p.splits; n++)
        take_tile(n, keys);
    finish(share);
}
