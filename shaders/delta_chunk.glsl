// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule, 16 tokens at a time (delta_block.glsl). A workgroup has some columns of a
// head's state; 32 threads, a team, have four of them and need no others. A thread keeps every
// 32nd four keys of the state in registers, with a copy in shared memory for products with keys
// and queries, where it takes eight of the 32 rows and an eighth of the keys.
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "params.h"

layout(constant_id = 1) const uint FOURS = 32; // of a key, a multiple of PARTS
layout(local_size_x_id = 2) in;                // teams

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Qkv4 { vec4 qkv4[]; };
#include "delta_block.glsl"
#include "delta_rows.glsl"
layout(binding = 2) readonly buffer Blocks { vec4 block[]; };
layout(binding = 2) readonly buffer Blocks1 { float block1[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };
layout(binding = 4) writeonly buffer Out4 { vec4 o4[]; };

const uint STORED = 16;   // columns of a block of the state (LTE_DELTA_COLUMNS)
const uint TEAM = ROWS, PARTS = 8, APART = TEAM / PARTS, EACH = ROWS / APART;
const uint OWN = (FOURS + TEAM - 1) / TEAM; // fours of keys of a thread
const uint LOADS = TEAM * FOURS / gl_WorkGroupSize.x;
const bool AHEAD = LOADS <= 16; // while registers last
const uint PITCH = FOURS + 2; // of a row: APART rows of two fours lie in all banks

shared vec4 rows[ROWS * PITCH];
shared vec4 copy[gl_WorkGroupSize.x / 8 * FOURS];  // of the state, a team's [4][FOURS]
shared vec4 error[gl_WorkGroupSize.x / 2], written[gl_WorkGroupSize.x / 2]; // a team's [CHUNK]
#ifndef SUBGROUPS
shared vec4 said[gl_WorkGroupSize.x];
#endif

lte_vk_segment g;
uint head, thread, team, lane, column; // column: the team's first
uint part, first, row; // of products
vec4 s[OWN][4];                        // the columns of each key
vec4 next_rows[LOADS], next_values, known[CHUNK / 4];
float since, until, whole;

// What a team's threads wrote the others may read.
void together()
{
#ifdef SUBGROUPS
    if (gl_SubgroupSize >= TEAM)
        subgroupBarrier();
    else
        barrier();
#else
    barrier();
#endif
}

void fetch(uint chunk)
{
    const uint token = chunk * CHUNK, key = head / p.group * p.key_dim;
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint i = n * gl_WorkGroupSize.x + thread;
        next_rows[n] = row_four(g.row + token, g.rows - token, key, i / FOURS, i % FOURS * 4);
    }
}

void put()
{
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint i = n * gl_WorkGroupSize.x + thread;
        rows[i / FOURS * PITCH + i % FOURS] = next_rows[n];
    }
}

// The thread's row of the block, and its values.
void fetch_known(uint chunk)
{
    const uint at = block_of(gl_WorkGroupID.z, head, chunk), token = chunk * CHUNK + row;
    [[unroll]] for (uint n = 0; n < CHUNK / 4; n++)
        known[n] = block[at + row * (CHUNK / 4) + n];
    since = block1[(at + SINCE) * 4 + row % CHUNK];
    until = block1[(at + UNTIL) * 4 + row % CHUNK];
    whole = block1[(at + SINCE) * 4 + CHUNK - 1];
    next_values = vec4(0);
    if (row < CHUNK && token < g.rows && column < p.value_dim)
        next_values = four((g.row + token) * p.stride + p.v_column + head * p.value_dim + column,
                           p.value_dim - column);
}

// Threads whose part differs by n share rows i and i + n.
#define FOLD(n)                                                                                    \
    for (uint i = 0; i < n; i++) {                                                                 \
        const bool upper = (part & n) != 0;                                                        \
        const vec4 other = subgroupShuffleXor(upper ? sum[i] : sum[i + n], n);             \
        sum[i] = (upper ? sum[i + n] : sum[i]) + other;                                            \
    }

// Row `row` times the state: shares of EACH rows, then their sums, a row a thread.
vec4 times_state()
{
    vec4 sum[EACH];
    [[unroll]] for (uint i = 0; i < EACH; i++)
        sum[i] = vec4(0);
    for (uint j = 0; j < FOURS / PARTS; j++) {
        const uint f = j * PARTS + part;
        const vec4 s0 = copy[(team * 4 + 0) * FOURS + f], s1 = copy[(team * 4 + 1) * FOURS + f];
        const vec4 s2 = copy[(team * 4 + 2) * FOURS + f], s3 = copy[(team * 4 + 3) * FOURS + f];
        [[unroll]] for (uint i = 0; i < EACH; i++) {
            const vec4 x = rows[(i * APART + first) * PITCH + f];
            sum[i] += x.x * s0;
            sum[i] += x.y * s1;
            sum[i] += x.z * s2;
            sum[i] += x.w * s3;
        }
    }
#ifdef SUBGROUPS
    FOLD(4)
    FOLD(2)
    FOLD(1)
    return sum[0];
#else
    vec4 mine = vec4(0);
    for (uint i = 0; i < EACH; i++) {
        said[thread] = sum[i];
        barrier();
        for (uint l = 0; l < PARTS && i == part; l++)
            mine += said[team * TEAM + first * PARTS + l];
        barrier();
    }
    return mine;
#endif
}

void give(uint token, vec4 y)
{
    const uint at = ((g.row + token) * p.value_heads + head) * p.value_dim + column;
    if (token >= g.rows || column >= p.value_dim)
        return;
    if (WIDE) {
        o4[at / 4] = y;
        return;
    }
    for (uint i = 0; i < 4 && column + i < p.value_dim; i++)
        o[at + i] = y[i];
}

void decay_and_write(float decay)
{
    [[unroll]] for (uint n = 0; n < OWN; n++) {
        const uint f = n * TEAM + lane;
        if (FOURS % TEAM != 0 && f >= FOURS)
            continue;
        [[unroll]] for (uint i = 0; i < 4; i++)
            s[n][i] *= decay;
        [[unroll]] for (uint t = 0; t < CHUNK; t++) {
            const vec4 k = rows[t * PITCH + f], d = written[team * CHUNK + t];
            [[unroll]] for (uint i = 0; i < 4; i++)
                s[n][i] += k[i] * d;
        }
    }
}

void copy_state()
{
    [[unroll]] for (uint n = 0; n < OWN; n++) {
        const uint f = n * TEAM + lane;
        if (FOURS % TEAM != 0 && f >= FOURS)
            continue;
        [[unroll]] for (uint i = 0; i < 4; i++)
            copy[(team * 4 + i) * FOURS + f] = s[n][i];
    }
}

void sweep(uint chunk, bool more)
{
    const vec4 x = times_state();
    const uint mine = team * CHUNK + row % CHUNK;
    if (row < CHUNK)
        error[mine] = next_values - since * x;
    together();
    vec4 y = vec4(0);
    [[unroll]] for (uint t = 0; t < CHUNK; t++)
        y += known[t / 4][t % 4] * error[team * CHUNK + t];
    if (row < CHUNK)
        written[mine] = until * y;
    else
        give(chunk * CHUNK + row - CHUNK, y + since * x);
    const float decay = whole;
    if (more)
        fetch_known(chunk + 1);
    together();
    decay_and_write(decay);
    copy_state();
}

// Word of the state's key 4f + i.
uint place(uint f, uint i)
{
    const uint blocks = (p.value_dim + STORED - 1) / STORED;
    const uint b = head * blocks + column / STORED;
    return g.state + (b * p.key_dim + 4 * f + i) * STORED + column % STORED;
}

void main()
{
#ifdef SUBGROUPS
    thread = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
    thread = gl_LocalInvocationID.x;
#endif
    team = thread / TEAM;
    lane = thread % TEAM;
    part = lane % PARTS;
    first = lane / PARTS;
    row = part * APART + first;
    head = gl_WorkGroupID.y;
    column = (gl_WorkGroupID.x * (gl_WorkGroupSize.x / TEAM) + team) * 4;
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint chunks = (g.rows + CHUNK - 1) / CHUNK;
    const bool inside = column < (p.value_dim + STORED - 1) / STORED * STORED;
    if (AHEAD)
        fetch(0);
    fetch_known(0);
    [[unroll]] for (uint n = 0; n < OWN; n++)
        [[unroll]] for (uint i = 0; i < 4; i++) {
            const uint f = n * TEAM + lane, at = place(f, i);
            s[n][i] = vec4(0);
            if (4 * f + i < p.key_dim && inside)
                s[n][i] = vec4(state[at], state[at + 1], state[at + 2], state[at + 3]);
        }
    copy_state();
    for (uint chunk = 0; chunk < chunks; chunk++) {
        const bool more = chunk + 1 < chunks;
        if (!AHEAD)
            fetch(chunk);
        barrier();
        put();
        barrier();
        if (AHEAD && more)
            fetch(chunk + 1);
        sweep(chunk, more);
    }
    [[unroll]] for (uint n = 0; n < OWN; n++)
        [[unroll]] for (uint i = 0; i < 4; i++) {
            const uint f = n * TEAM + lane, at = place(f, i);
            if (4 * f + i < p.key_dim && inside)
                [[unroll]] for (uint c = 0; c < 4; c++)
                    state[at + c] = s[n][i][c];
        }
}
