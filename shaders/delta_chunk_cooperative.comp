#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule, 16 tokens at a time (delta_block.glsl), on cooperative matrices: a
// workgroup has 16 columns of a head's state, each of its subgroups a share of the keys. The state
// stays in fp32, as sums; in products it, keys, queries and what is written are two f16 each (see
// gemm_cooperative.comp), after a power of two has brought the largest below 2^15.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_basic : require
#include "params.h"

layout(constant_id = 1) const uint FOURS = 32; // of a key, a multiple of 4 * SUBGROUPS
layout(local_size_x_id = 2) in;
layout(constant_id = 3) const uint M = 16;     // of a cooperative matrix, each a divisor of 16
layout(constant_id = 4) const uint N = 16;
layout(constant_id = 5) const uint K = 16;
layout(constant_id = 6) const uint SUBGROUPS = 4;

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Qkv4 { vec4 qkv4[]; };
#include "delta_block.glsl"
#include "delta_rows.glsl"
layout(binding = 2) readonly buffer Blocks { vec4 block[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };
layout(binding = 4) writeonly buffer Out2 { vec2 o2[]; };

const uint COLUMNS = 16, ACROSS = COLUMNS / 4, PAIRS = COLUMNS / 2; // fours and pairs of columns
const uint OWN = 4 * FOURS / SUBGROUPS; // keys of a subgroup
const uint THREADS = gl_WorkGroupSize.x, LANES = THREADS / SUBGROUPS;
const uint LOADS = ROWS * FOURS / THREADS, KNOWN = (BLOCK + THREADS - 1) / THREADS;
const uint VALUES = (CHUNK * ACROSS + THREADS - 1) / THREADS;
const uint PITCH = FOURS + 2, SQUARE = CHUNK * ACROSS; // SQUARE: fours of a stage
const uint WRITTEN = CHUNK * PITCH; // what is written replaces the queries

shared f16vec4 high[ROWS * PITCH], low[ROWS * PITCH];
shared vec4 product[SUBGROUPS * ROWS * ACROSS]; // a subgroup's [ROWS][COLUMNS]
shared f16vec4 stage_high[SUBGROUPS * SQUARE], stage_low[SUBGROUPS * SQUARE];
shared float largest[SUBGROUPS]; // of what values differ by
shared vec4 known[BLOCK];

#define SUM coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define HALF_SUM coopmat<float16_t, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>

lte_vk_segment g;
uint head, mine, lane, thread, column; // column: the first
vec4 next_rows[LOADS], next_known[KNOWN], next_values[VALUES], values[VALUES];
vec2 next_scale;
SUM s[OWN / M * (COLUMNS / N)];
RIGHT s_high[OWN / K * (COLUMNS / N)], s_low[OWN / K * (COLUMNS / N)];
float s_back; // what undoes their power of two

float known_at(uint i)
{
    return known[i / 4][i % 4];
}

// The power of two for numbers up to `most`, and its inverse.
float power(float most)
{
    const int e = int(floatBitsToUint(most) >> 23);
    return uintBitsToFloat(uint(127 + LTE_SHIFT(e)) << 23);
}

float inverse(float power_of_two)
{
    return uintBitsToFloat((254u << 23) - floatBitsToUint(power_of_two));
}

// What f16 has bits for.
vec4 cut(vec4 v)
{
    return uintBitsToFloat(floatBitsToUint(v) & 0xffffe000u);
}

void fetch(uint chunk)
{
    const uint token = chunk * CHUNK, key = head / p.group * p.key_dim;
    const uint at = block_of(gl_WorkGroupID.z, head, chunk);
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint i = n * THREADS + thread;
        next_rows[n] = row_four(g.row + token, g.rows - token, key, i / FOURS, i % FOURS * 4);
    }
    [[unroll]] for (uint n = 0; n < KNOWN; n++)
        next_known[n] = block[at + min(n * THREADS + thread, BLOCK - 1)];
    next_scale = block[at + SCALE].xy;
    [[unroll]] for (uint n = 0; n < VALUES; n++) {
        const uint i = n * THREADS + thread, t = token + i / ACROSS, v = column + i % ACROSS * 4;
        next_values[n] = vec4(0);
        if (i < CHUNK * ACROSS && t < g.rows && v < p.value_dim)
            next_values[n] = four((g.row + t) * p.stride + p.v_column + head * p.value_dim + v,
                                  p.value_dim - v);
    }
}

void put()
{
    const vec2 scale = next_scale;
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint i = n * THREADS + thread, at = i / FOURS * PITCH + i % FOURS;
        const vec4 v = next_rows[n] * (i / FOURS < CHUNK ? scale.x : scale.y), h = cut(v);
        high[at] = f16vec4(h);
        low[at] = f16vec4(v - h);
    }
    [[unroll]] for (uint n = 0; n < KNOWN; n++)
        if (n * THREADS + thread < BLOCK)
            known[n * THREADS + thread] = next_known[n];
    [[unroll]] for (uint n = 0; n < VALUES; n++)
        values[n] = next_values[n];
}

// Keys and queries times the subgroup's share of the state.
void multiply()
{
    SUM sum[ROWS / M * (COLUMNS / N)];
    [[unroll]] for (uint i = 0; i < ROWS / M * (COLUMNS / N); i++)
        sum[i] = SUM(0.0);
    [[unroll]] for (uint k = 0; k < OWN / K; k++)
        [[unroll]] for (uint m = 0; m < ROWS / M; m++) {
            const uint at = m * M * PITCH + (mine * OWN + k * K) / 4;
            LEFT h, l;
            coopMatLoad(h, high, at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(l, low, at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint n = 0; n < COLUMNS / N; n++) {
                const uint i = m * (COLUMNS / N) + n, b = k * (COLUMNS / N) + n;
                sum[i] = coopMatMulAdd(l, s_high[b], sum[i]);
                sum[i] = coopMatMulAdd(h, s_low[b], sum[i]);
                sum[i] = coopMatMulAdd(h, s_high[b], sum[i]);
            }
        }
    [[unroll]] for (uint m = 0; m < ROWS / M; m++)
        [[unroll]] for (uint n = 0; n < COLUMNS / N; n++)
            coopMatStore(sum[m * (COLUMNS / N) + n] * s_back, product,
                         (mine * ROWS + m * M) * ACROSS + n * N / 4, ACROSS,
                         gl_CooperativeMatrixLayoutRowMajor);
}

// Sums of all shares, in the first one's place; of keys, what the values differ by.
void join()
{
    float most = 0;
    const float k_back = inverse(known[SCALE].x), q_back = inverse(known[SCALE].y);
    [[unroll]] for (uint m = 0; m < (ROWS * ACROSS + THREADS - 1) / THREADS; m++) {
        const uint n = m * THREADS + thread, row = n / ACROSS;
        if (n >= ROWS * ACROSS)
            break;
        vec4 x = vec4(0);
        [[unroll]] for (uint i = 0; i < SUBGROUPS; i++)
            x += product[i * ROWS * ACROSS + n];
        x *= known_at(SINCE * 4 + row % CHUNK) * (row < CHUNK ? k_back : q_back);
        if (row < CHUNK) {
            x = values[m % VALUES] - x;
            const vec4 a = abs(x);
            most = max(max(most, max(a.x, a.y)), max(a.z, a.w));
        }
        product[n] = x;
    }
    const uint bits = subgroupMax(floatBitsToUint(most));
    if (lane == 0)
        largest[mine] = uintBitsToFloat(bits);
}

// A row of the block times what the values differ by, two columns.
vec2 times_error(uint row, uint pair)
{
    vec2 y = vec2(0);
    [[unroll]] for (uint j = 0; j < CHUNK / 4; j++) {
        const vec4 a = known[row * (CHUNK / 4) + j];
        [[unroll]] for (uint i = 0; i < 4; i++) {
            const vec4 e = product[(4 * j + i) * ACROSS + pair / 2];
            y += a[i] * (pair % 2 == 0 ? e.xy : e.zw);
        }
    }
    return y;
}

void give(uint token, uint pair, vec2 y)
{
    const uint v = column + pair * 2;
    const uint at = ((g.row + token) * p.value_heads + head) * p.value_dim + v;
    if (token >= g.rows || v >= p.value_dim)
        return;
    if (WIDE) {
        o2[at / 2] = y;
    } else {
        o[at] = y.x;
        if (v + 1 < p.value_dim)
            o[at + 1] = y.y;
    }
}

// Stages what is written, gives outputs. Returns what undoes the power of two.
float solve(uint chunk)
{
    float most = largest[0];
    [[unroll]] for (uint i = 1; i < SUBGROUPS; i++)
        most = max(most, largest[i]);
    const float scale = power(most * known[SCALE].z);
    [[unroll]] for (uint m = 0; m < (ROWS * PAIRS + THREADS - 1) / THREADS; m++) {
        const uint n = m * THREADS + thread, row = n / PAIRS, pair = n % PAIRS;
        const vec2 y = times_error(row, pair);
        if (row < CHUNK) {
            const vec2 v = y * (known_at(UNTIL * 4 + row) * scale), h = cut(v.xyxy).xy;
            const uint at = WRITTEN + row * ACROSS + pair / 2;
            if (pair % 2 == 0) {
                high[at].xy = f16vec2(h);
                low[at].xy = f16vec2(v - h);
            } else {
                high[at].zw = f16vec2(h);
                low[at].zw = f16vec2(v - h);
            }
        } else if (row < ROWS) {
            const vec4 x = product[row * ACROSS + pair / 2];
            give(chunk * CHUNK + row - CHUNK, pair, y + (pair % 2 == 0 ? x.xy : x.zw));
        }
    }
    return inverse(scale) * inverse(known[SCALE].x);
}

void write(float back)
{
    const float decay = known_at(SINCE * 4 + CHUNK - 1);
    RIGHT wh[CHUNK / K * (COLUMNS / N)], wl[CHUNK / K * (COLUMNS / N)];
    [[unroll]] for (uint k = 0; k < CHUNK / K; k++)
        [[unroll]] for (uint n = 0; n < COLUMNS / N; n++) {
            const uint at = WRITTEN + k * K * ACROSS + n * N / 4, b = k * (COLUMNS / N) + n;
            coopMatLoad(wh[b], high, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(wl[b], low, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
        }
    [[unroll]] for (uint m = 0; m < OWN / M; m++) {
        SUM sum[COLUMNS / N];
        [[unroll]] for (uint n = 0; n < COLUMNS / N; n++)
            sum[n] = SUM(0.0);
        [[unroll]] for (uint k = 0; k < CHUNK / K; k++) {
            const uint at = k * K * PITCH + (mine * OWN + m * M) / 4;
            LEFT h, l;
            coopMatLoad(h, high, at, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
            coopMatLoad(l, low, at, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint n = 0; n < COLUMNS / N; n++) {
                const uint b = k * (COLUMNS / N) + n;
                sum[n] = coopMatMulAdd(l, wh[b], sum[n]);
                sum[n] = coopMatMulAdd(h, wl[b], sum[n]);
                sum[n] = coopMatMulAdd(h, wh[b], sum[n]);
            }
        }
        [[unroll]] for (uint n = 0; n < COLUMNS / N; n++)
            s[m * (COLUMNS / N) + n] = s[m * (COLUMNS / N) + n] * decay + sum[n] * back;
    }
}

// The state as it is multiplied.
void split_state()
{
    float most = 0;
    [[unroll]] for (uint i = 0; i < OWN / M * (COLUMNS / N); i++)
        for (uint e = 0; e < s[i].length(); e++)
            most = max(most, abs(s[i][e]));
    const float scale = power(uintBitsToFloat(subgroupMax(floatBitsToUint(most))));
    s_back = inverse(scale);
    [[unroll]] for (uint slab = 0; slab < OWN; slab += CHUNK) {
        subgroupBarrier();
        [[unroll]] for (uint m = 0; m < CHUNK / M; m++)
            [[unroll]] for (uint n = 0; n < COLUMNS / N; n++) {
                const SUM v = s[(slab / M + m) * (COLUMNS / N) + n] * scale;
                HALF_SUM h, l;
                for (uint e = 0; e < v.length(); e++) {
                    const float x = uintBitsToFloat(floatBitsToUint(v[e]) & 0xffffe000u);
                    h[e] = float16_t(x);
                    l[e] = float16_t(v[e] - x);
                }
                const uint at = mine * SQUARE + m * M * ACROSS + n * N / 4;
                coopMatStore(h, stage_high, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
                coopMatStore(l, stage_low, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
            }
        subgroupBarrier();
        [[unroll]] for (uint k = 0; k < CHUNK / K; k++)
            [[unroll]] for (uint n = 0; n < COLUMNS / N; n++) {
                const uint at = mine * SQUARE + k * K * ACROSS + n * N / 4;
                const uint b = (slab / K + k) * (COLUMNS / N) + n;
                coopMatLoad(s_high[b], stage_high, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
                coopMatLoad(s_low[b], stage_low, at, ACROSS, gl_CooperativeMatrixLayoutRowMajor);
            }
    }
}

// The subgroup's keys of the state, 16 at a time through product[].
void move_state(bool give_back)
{
    const uint piece = head * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint first = g.state + piece * p.key_dim * COLUMNS, at = mine * ROWS * ACROSS;
    [[unroll]] for (uint slab = 0; slab < OWN; slab += CHUNK) {
        subgroupBarrier();
        if (give_back)
            [[unroll]] for (uint m = 0; m < CHUNK / M; m++)
                [[unroll]] for (uint n = 0; n < COLUMNS / N; n++)
                    coopMatStore(s[(slab / M + m) * (COLUMNS / N) + n], product,
                                 at + m * M * ACROSS + n * N / 4, ACROSS,
                                 gl_CooperativeMatrixLayoutRowMajor);
        subgroupBarrier();
        for (uint n = lane; n < CHUNK * COLUMNS; n += LANES) {
            const uint key = mine * OWN + slab + n / COLUMNS;
            const uint word = first + key * COLUMNS + n % COLUMNS;
            if (!give_back)
                product[at + n / 4][n % 4] = key < p.key_dim ? state[word] : 0.0;
            else if (key < p.key_dim)
                state[word] = product[at + n / 4][n % 4];
        }
        subgroupBarrier();
        if (!give_back)
            [[unroll]] for (uint m = 0; m < CHUNK / M; m++)
                [[unroll]] for (uint n = 0; n < COLUMNS / N; n++)
                    coopMatLoad(s[(slab / M + m) * (COLUMNS / N) + n], product,
                                at + m * M * ACROSS + n * N / 4, ACROSS,
                                gl_CooperativeMatrixLayoutRowMajor);
    }
}

void main()
{
    mine = gl_SubgroupID;
    lane = gl_SubgroupInvocationID;
    thread = mine * LANES + lane;
    head = gl_WorkGroupID.y;
    column = gl_WorkGroupID.x * COLUMNS;
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint chunks = (g.rows + CHUNK - 1) / CHUNK;
    fetch(0);
    move_state(false);
    split_state();
    for (uint chunk = 0; chunk < chunks; chunk++) {
        barrier();
        put();
        barrier();
        if (chunk + 1 < chunks)
            fetch(chunk + 1);
        multiply();
        barrier();
        join();
        barrier();
        const float back = solve(chunk);
        barrier();
        write(back);
        split_state();
    }
    barrier();
    move_state(true);
}
