#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What delta_chunk needs to know of four tokens of a value head: a workgroup each. Tokens beyond
// the last have keys of zero and change nothing.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
#include "delta_block.glsl"
layout(binding = 3) writeonly buffer Blocks { delta_block block[]; };

const uint PAIRS = CHUNK * CHUNK, LANES = THREADS / PAIRS;
shared vec2 partial[THREADS];
shared vec2 alike[PAIRS]; // k_i . k_j and q_i . k_j

// Products of tokens i and j, a pair LANES threads.
void compare(uint row, uint rows, uint head)
{
    const uint n = gl_LocalInvocationID.x, i = n / LANES / CHUNK, j = n / LANES % CHUNK;
    const uint key = head / p.group * p.key_dim;
    const uint ri = (row + min(i, rows - 1)) * p.stride + key;
    const uint rj = (row + min(j, rows - 1)) * p.stride + key;
    vec2 x = vec2(0);
    for (uint c = n % LANES; c < p.key_dim; c += LANES)
        x += vec2(qkv[ri + p.k_column + c], qkv[ri + p.q_column + c]) * qkv[rj + p.k_column + c];
    partial[n] = i < rows && j < rows ? x : vec2(0);
    barrier();
    if (n >= PAIRS)
        return;
    x = vec2(0);
    for (uint l = 0; l < LANES; l++)
        x += partial[n * LANES + l];
    alike[n] = x;
}

void main()
{
    const uint head = gl_WorkGroupID.y, chunk = gl_WorkGroupID.x;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    if (chunk * CHUNK >= g.rows)
        return;
    const uint row = g.row + chunk * CHUNK, rows = min(CHUNK, g.rows - chunk * CHUNK);
    compare(row, rows, head);
    barrier();
    if (gl_LocalInvocationID.x != 0)
        return;
    float a[CHUNK], beta[CHUNK];
    for (uint i = 0; i < CHUNK; i++) {
        const uint at = (row + min(i, rows - 1)) * p.gate_stride + head;
        a[i] = i < rows ? gate[at] : 0.0;
        beta[i] = i < rows ? gate[at + p.value_heads] : 0.0;
    }
    delta_block b;
    for (uint i = 0; i < CHUNK; i++) {
        // sums of log decays, none of them a difference: they may be infinite
        float sum = 0, row_t[CHUNK], row_m[CHUNK];
        for (uint n = 0; n < CHUNK; n++)
            row_t[n] = row_m[n] = 0;
        row_t[i] = beta[i];
        row_m[i] = alike[i * CHUNK + i].y;
        for (uint j = i; j > 0; j--) {
            sum += a[j];
            const vec2 x = alike[i * CHUNK + j - 1] * lte_exp(sum);
            row_m[j - 1] = x.y;
            for (uint n = 0; n < CHUNK; n++)
                row_t[n] -= beta[i] * x.x * b.t[j - 1][n];
        }
        b.t[i] = vec4(row_t[0], row_t[1], row_t[2], row_t[3]);
        b.m[i] = vec4(row_m[0], row_m[1], row_m[2], row_m[3]);
        b.since[i] = lte_exp(sum + a[0]);
        sum = 0;
        for (uint j = i + 1; j < CHUNK; j++)
            sum += a[j];
        b.until[i] = lte_exp(sum);
    }
    block[block_of(gl_WorkGroupID.z, head, chunk)] = b;
}
