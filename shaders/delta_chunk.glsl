// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule, four tokens at a time (delta_block.glsl): a workgroup has 16 columns of a
// head's state in registers, a thread every LANES-th key of one. Keys, queries and the chunk's
// block come through shared memory, fetched while the chunk before is worked on.
#define THREADS 128
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "common.glsl"

layout(constant_id = 0) const uint EACH = 16; // keys of a thread
const uint COLUMNS = 16, LANES = THREADS / COLUMNS, KEYS = EACH * LANES;
const uint LOADS = (KEYS + THREADS - 1) / THREADS, BLOCK = 10; // BLOCK: vectors of a delta_block

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
#include "delta_block.glsl"
layout(binding = 2) readonly buffer Blocks { vec4 block[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };

// Of this chunk and the next: four tokens' keys and queries, and the block.
shared vec4 keys[2][KEYS], queries[2][KEYS], known[2][BLOCK];
#ifndef SUBGROUPS
shared vec4 said[2][THREADS];
#endif

lte_vk_segment g;
uint head, thread, column, lane;
float s[EACH];
vec4 next_keys[LOADS], next_queries[LOADS], next_block, next_values;

// Sums over the lanes of a column, which are neighbours.
void total(inout vec4 x, inout vec4 y)
{
#ifdef SUBGROUPS
    for (uint n = 1; n < LANES; n *= 2) {
        x += subgroupShuffleXor(x, n);
        y += subgroupShuffleXor(y, n);
    }
#else
    said[0][thread] = x;
    said[1][thread] = y;
    barrier();
    x = y = vec4(0);
    for (uint l = 0; l < LANES; l++) {
        x += said[0][column * LANES + l];
        y += said[1][column * LANES + l];
    }
#endif
}

// Column c of four tokens; those beyond the last are zero.
vec4 four(uint token, uint c)
{
    const uint at = (g.row + token) * p.stride + c, left = g.rows - token;
    return vec4(qkv[at], left > 1 ? qkv[at + p.stride] : 0.0,
                left > 2 ? qkv[at + 2 * p.stride] : 0.0, left > 3 ? qkv[at + 3 * p.stride] : 0.0);
}

void fetch(uint chunk, uint v)
{
    const uint token = chunk * CHUNK, key = head / p.group * p.key_dim;
    for (uint n = 0; n < LOADS; n++) {
        const uint i = n * THREADS + thread;
        const bool inside = i < p.key_dim;
        next_keys[n] = inside ? four(token, p.k_column + key + i) : vec4(0);
        next_queries[n] = inside ? four(token, p.q_column + key + i) : vec4(0);
    }
    if (thread < BLOCK)
        next_block = block[block_of(gl_WorkGroupID.z, head, chunk) * BLOCK + thread];
    next_values = v < p.value_dim ? four(token, p.v_column + head * p.value_dim + v) : vec4(0);
}

void put(uint half_of)
{
    for (uint n = 0; n < LOADS; n++) {
        const uint i = n * THREADS + thread;
        if (i < KEYS) {
            keys[half_of][i] = next_keys[n];
            queries[half_of][i] = next_queries[n];
        }
    }
    if (thread < BLOCK)
        known[half_of][thread] = next_block;
}

// Rows of a matrix in known[], from `first`, with x.
vec4 times(uint half_of, uint first, vec4 x)
{
    return vec4(dot(known[half_of][first], x), dot(known[half_of][first + 1], x),
                dot(known[half_of][first + 2], x), dot(known[half_of][first + 3], x));
}

void sweep(uint half_of, uint chunk, vec4 values, uint v)
{
    vec4 to_keys = vec4(0), to_queries = vec4(0);
    for (uint j = 0; j < EACH; j++) {
        to_keys += s[j] * keys[half_of][j * LANES + lane];
        to_queries += s[j] * queries[half_of][j * LANES + lane];
    }
    total(to_keys, to_queries);
    const vec4 since = known[half_of][8];
    const vec4 d = times(half_of, 0, values - since * to_keys);
    const vec4 y = since * to_queries + times(half_of, 4, d);
    const vec4 written = d * known[half_of][9];
    for (uint j = 0; j < EACH; j++)
        s[j] = s[j] * since.w + dot(keys[half_of][j * LANES + lane], written);
    const uint token = chunk * CHUNK + lane;
    if (lane < CHUNK && token < g.rows && v < p.value_dim)
        o[((g.row + token) * p.value_heads + head) * p.value_dim + v] =
            lane == 0 ? y.x : lane == 1 ? y.y : lane == 2 ? y.z : y.w;
}

void main()
{
#ifdef SUBGROUPS
    thread = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
    thread = gl_LocalInvocationID.x;
#endif
    column = thread / LANES;
    lane = thread % LANES;
    head = gl_WorkGroupID.y;
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint v = gl_WorkGroupID.x * COLUMNS + column, chunks = (g.rows + CHUNK - 1) / CHUNK;
    const uint first = g.state + (head * gl_NumWorkGroups.x + gl_WorkGroupID.x) * p.key_dim * COLUMNS;
    for (uint j = 0; j < EACH; j++) {
        const uint i = j * LANES + lane;
        s[j] = i < p.key_dim ? state[first + i * COLUMNS + column] : 0.0;
    }
    fetch(0, v);
    for (uint chunk = 0; chunk < chunks; chunk++) {
        const vec4 values = next_values;
        put(chunk & 1);
        barrier();
        if (chunk + 1 < chunks)
            fetch(chunk + 1, v);
        sweep(chunk & 1, chunk, values, v);
    }
    for (uint j = 0; j < EACH; j++) {
        const uint i = j * LANES + lane;
        if (i < p.key_dim)
            state[first + i * COLUMNS + column] = s[j];
    }
}
