#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The indexer of DeepSeek sparse attention: how much queries want every token that they see. A
// workgroup takes QUERIES rows through every gl_NumWorkGroups.x-th tile of index keys, a thread a
// key of it; four index heads and PART channels at a time. A score's bits depend on its query and
// key alone.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint QUERIES = 1;
layout(constant_id = 1) const uint TYPE = LTE_F32;
const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word
const uint PART = 64;

layout(push_constant) uniform Params { lte_dsa_score_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 2) readonly buffer Index { float index[]; };
layout(binding = 3) writeonly buffer Score { float score[]; };

shared float key[THREADS * (PART + 1)];
shared vec4 query[QUERIES * PART];   // four heads of each, or the sum of all

lte_vk_segment g;
uint first, count;                   // rows of the workgroup

void load_keys(uint tile, uint part)
{
    const uint words = PART / PACKED, end = g.position + g.rows;
    for (uint e = gl_LocalInvocationID.x; e < THREADS * words; e += THREADS) {
        const uint n = e / words, d = e % words * PACKED, token = tile * THREADS + n;
        const bool inside = token < end && part + d < p.dim;
        const uint at = g.state + p.keys + (token * p.dim + part + d) / PACKED;
        const vec2 x = inside ? lte_widen(TYPE, state[at]) : vec2(0);
        key[n * (PART + 1) + d] = x.x;
        if (PACKED == 2)
            key[n * (PART + 1) + d + 1] = x.y;
    }
}

vec4 four_heads(uint row, uint head, uint d)
{
    const uint at = row * p.width + d;
    vec4 x = vec4(0);
    if (p.mean != 0)
        for (uint h = 0; h < p.heads; h++)
            x.x += index[at + h * p.dim];
    for (uint n = 0; p.mean == 0 && n < min(p.heads - head, 4); n++)
        x[n] = index[at + (head + n) * p.dim];
    return x;
}

void load_queries(uint head, uint part)
{
    for (uint e = gl_LocalInvocationID.x; e < QUERIES * PART; e += THREADS) {
        const uint i = e / PART, d = part + e % PART;
        query[e] = i < count && d < p.dim ? four_heads(g.row + first + i, head, d) : vec4(0);
    }
}

// What the products of four heads add to a score.
float weigh(uint row, uint head, vec4 x)
{
    const uint at = row * p.width + (p.heads + 1) * p.dim + head;
    float sum = 0;
    if (p.mean != 0)
        return p.scale * x.x;
    for (uint n = 0; n < min(p.heads - head, 4); n++)
        sum += p.scale * index[at + n] * max(x[n], 0.0);
    return sum;
}

void score_tile(uint tile, uint list)
{
    const uint me = gl_LocalInvocationID.x, token = tile * THREADS + me;
    float sum[QUERIES];
    for (uint i = 0; i < QUERIES; i++)
        sum[i] = 0;
    for (uint head = 0; head < (p.mean != 0 ? 1 : p.heads); head += 4) {
        vec4 x[QUERIES];
        for (uint i = 0; i < QUERIES; i++)
            x[i] = vec4(0);
        for (uint part = 0; part < p.dim; part += PART) {
            barrier();
            load_keys(tile, part);
            load_queries(head, part);
            barrier();
            for (uint d = 0; d < min(PART, p.dim - part); d++)
                for (uint i = 0; i < QUERIES; i++)
                    x[i] += key[me * (PART + 1) + d] * query[i * PART + d];
        }
        for (uint i = 0; i < QUERIES; i++)
            sum[i] += weigh(g.row + min(first + i, g.rows - 1), head, x[i]);
    }
    for (uint i = 0; i < QUERIES; i++)
        if (i < count && token <= g.position + first + i)
            score[(list + i) * p.stride + token] = sum[i];
}

void main()
{
    g = segment[p.segment + gl_WorkGroupID.z];
    first = p.first + gl_WorkGroupID.y * QUERIES;
    if (first >= g.rows)
        return;
    count = min(min(QUERIES, g.rows - first), p.first + p.count - first);
    const uint end = g.position + first + count, tiles = (end + THREADS - 1) / THREADS;
    const uint list = gl_WorkGroupID.z * p.count + gl_WorkGroupID.y * QUERIES;
    if (end <= p.top) // all are selected
        return;
    for (uint tile = gl_WorkGroupID.x; tile < tiles; tile += gl_NumWorkGroups.x)
        score_tile(tile, list);
}
