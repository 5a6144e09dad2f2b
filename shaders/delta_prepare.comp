#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What delta_chunk needs to know of 16 tokens of a value head: a workgroup each. Tokens beyond the
// last have keys of zero and change nothing.
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Qkv4 { vec4 qkv4[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
#include "delta_block.glsl"
#include "delta_rows.glsl"
layout(binding = 3) writeonly buffer Blocks { float block[]; };

// Keys and queries come in slices of so many fours, rows of them one four apart: then eight rows
// lie in all banks. A thread has a token and two columns, HALF apart.
const uint SLICE = 16, PITCH = SLICE + 1, HALF = CHUNK / 2;

shared vec4 slice[ROWS * PITCH];
shared float a[CHUNK], beta[CHUNK], unlike[CHUNK][CHUNK], mixing[CHUNK][CHUNK];
shared uint largest[3]; // key, query, and number of T, as bits
shared uint longest;    // e^{G_15 - G}

// k_i . k_j and q_i . k_j, then both with column j + HALF.
vec4 compare(uint row, uint rows, uint key, uint i, uint j)
{
    vec4 x = vec4(0);
    vec2 most = vec2(0);
    for (uint from = 0; from < p.key_dim; from += 4 * SLICE) {
        barrier();
        for (uint n = gl_LocalInvocationID.x; n < ROWS * SLICE; n += THREADS) {
            const uint r = n / SLICE, c = from + n % SLICE * 4;
            const vec4 v = row_four(row, rows, key, r, c), big = abs(v);
            const float b = max(max(big.x, big.y), max(big.z, big.w));
            most = max(most, r < CHUNK ? vec2(b, 0) : vec2(0, b));
            slice[r * PITCH + n % SLICE] = v;
        }
        barrier();
        for (uint f = 0; f < SLICE; f++) {
            const vec4 k = slice[i * PITCH + f], q = slice[(CHUNK + i) * PITCH + f];
            const vec4 left = slice[j * PITCH + f], right = slice[(j + HALF) * PITCH + f];
            x += vec4(dot(k, left), dot(q, left), dot(k, right), dot(q, right));
        }
    }
    atomicMax(largest[0], floatBitsToUint(most.x));
    atomicMax(largest[1], floatBitsToUint(most.y));
    return x;
}

// Decays of the tokens first .. last together: a sum, never a difference, as they may be infinite.
float decayed(uint first, uint last)
{
    float sum = 0;
    for (uint n = first; n <= last; n++)
        sum += a[n];
    return lte_exp(sum);
}

void keep(uint i, uint j, vec2 x)
{
    x *= j <= i ? decayed(j + 1, i) : 0.0;
    unlike[i][j] = j < i ? beta[i] * x.x : 0.0;
    mixing[i][j] = x.y;
}

// Column c of T by substitution, then of M T.
void solve(uint first, uint c)
{
    float t[CHUNK], most = 0;
    [[unroll]] for (uint i = 0; i < CHUNK; i++) {
        t[i] = i == c ? beta[i] : 0.0;
        [[unroll]] for (uint j = 0; j < i; j++)
            t[i] -= unlike[i][j] * t[j];
        block[first + i * CHUNK + c] = t[i];
        most = max(most, abs(t[i]));
    }
    [[unroll]] for (uint i = 0; i < CHUNK; i++) {
        float sum = 0;
        [[unroll]] for (uint j = 0; j <= i; j++)
            sum += mixing[i][j] * t[j];
        block[first + (CHUNK + i) * CHUNK + c] = sum;
    }
    atomicMax(largest[2], floatBitsToUint(most));
}

// The power of two for numbers up to one of these bits.
float power(uint most)
{
    return uintBitsToFloat(uint(127 + LTE_SHIFT(int(most >> 23))) << 23);
}

void main()
{
    const uint n = gl_LocalInvocationID.x, i = n / HALF, j = n % HALF;
    const uint head = gl_WorkGroupID.y, chunk = gl_WorkGroupID.x;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    if (chunk * CHUNK >= g.rows)
        return;
    const uint row = g.row + chunk * CHUNK, rows = min(CHUNK, g.rows - chunk * CHUNK);
    if (n < 3)
        largest[n] = longest = 0;
    if (n < CHUNK) {
        const uint at = (row + min(n, rows - 1)) * p.gate_stride + head;
        a[n] = n < rows ? gate[at] : 0.0;
        beta[n] = n < rows ? gate[at + p.value_heads] : 0.0;
    }
    const vec4 x = compare(row, rows, head / p.group * p.key_dim, i, j);
    keep(i, j, x.xy);
    keep(i, j + HALF, x.zw);
    barrier();
    const uint first = block_of(gl_WorkGroupID.z, head, chunk) * 4;
    if (n < CHUNK)
        solve(first, n);
    else if (n >= THREADS - CHUNK) {
        const uint t = n - (THREADS - CHUNK);
        const float rest = decayed(t + 1, CHUNK - 1);
        block[first + SINCE * 4 + t] = decayed(0, t);
        block[first + UNTIL * 4 + t] = rest;
        atomicMax(longest, floatBitsToUint(rest));
    }
    barrier();
    if (n < 2)
        block[first + SCALE * 4 + n] = power(largest[n]);
    else if (n == 2)
        block[first + SCALE * 4 + n] =
            CHUNK * uintBitsToFloat(largest[n]) * uintBitsToFloat(longest);
}
