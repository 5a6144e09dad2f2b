#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend.comp on cooperative matrices: a workgroup has SUBGROUPS bands of 16 rows, which are HEADS
// query heads of one key head for some queries, and takes its share of the keys. A subgroup has a
// band: its queries and its sums of values stay in registers, scores and weights pass through
// shared memory, where a lane has keys of one row.
//
// Queries, keys, weights and values are two f16 each (see gemm_cooperative.comp), after powers of
// two: its own for a query and a key; a value's own, relative to the tile's, is its weight's as
// well. Weights begin at 2^8 and may grow to 2^15 before the row's sums are scaled anew.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "maths.glsl"

layout(constant_id = 0) const uint DIM = 64; // a multiple of 32
layout(constant_id = 1) const uint HEADS = 4;
layout(constant_id = 2) const bool APART = false;
layout(local_size_x_id = 3) in;
layout(constant_id = 4) const uint M = 16; // of a cooperative matrix, each a divisor of 16
layout(constant_id = 5) const uint N = 16;
layout(constant_id = 6) const uint K = 16;
layout(constant_id = 7) const uint SUBGROUPS = 4;
layout(constant_id = 8) const uint TILE = 32; // keys; a multiple of 32

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Q4 { vec4 q4[]; };
layout(binding = 2) readonly buffer Kv { uvec4 kv[]; }; // as attend_split.comp says
layout(binding = 3) readonly buffer Back { vec2 back[]; };
layout(binding = 4) readonly buffer Plan { uint plan[]; };
layout(binding = 5) writeonly buffer Out { float o[]; };
layout(binding = 5) writeonly buffer Out4 { vec4 o4[]; };

const uint THREADS = gl_WorkGroupSize.x, LANES = THREADS / SUBGROUPS;
const uint BAND = 16, ROWS = BAND * SUBGROUPS, QUERIES = ROWS / HEADS;
const uint VECTORS = DIM / 4, EIGHTS = DIM / 8, WIDTH = 2 * EIGHTS;
const uint SHARERS = LANES > BAND ? LANES / BAND : 1; // lanes of a row,
const uint OWN = LANES > BAND ? 1 : BAND / LANES;     // and rows of a lane
const uint EACH = TILE / SHARERS / 4;                 // fours of keys of a lane
// Vectors of 16 bytes. A row of a tile has high parts, then low ones; of a band scores, then
// weights likewise. Rows of queries have one of the two parts.
const uint PITCH = WIDTH + 1, S_PITCH = TILE / 4 + 1, Q_PITCH = EIGHTS + 1;
const uint BANDS = TILE * PITCH, MAIN = BANDS + ROWS * S_PITCH;
const uint SHARED = MAIN > ROWS * Q_PITCH ? MAIN : ROWS * Q_PITCH;
const uint LOADS = (TILE * WIDTH + THREADS - 1) / THREADS;
const float LOWEST = -3.402823466e38, LOW = -1e37; // not seen; below what is
const float RISE = 4.85;                           // log 2^7
#include "attend_list.glsl"
#include "attend_keys.glsl"
#include "split.glsl"

#define SUM coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>

shared uvec4 part[SHARED];
shared vec2 seen_back[LIST];         // what undoes a listed key's powers of two
shared vec4 k_back[TILE / 4], v_back[TILE / 4]; // of the tile; of values, relative to its largest
shared uint useful[2 * SUBGROUPS];   // keys of a subgroup, that are listed
shared float falls[SUBGROUPS];
shared uint q_largest[ROWS];

// Loops over these are unrolled: only then do they lie in registers.
uvec4 loaded[LOADS];
LEFT q_high[BAND / M * (DIM / K)], q_low[BAND / M * (DIM / K)];
LEFT high[BAND / M * (TILE / K)], low[BAND / M * (TILE / K)]; // weights
SUM sum[BAND / M * (DIM / N)];
float top[OWN], total[OWN], fall[OWN], q_back[OWN]; // of rows
uint thread, band, lane, own, keys_from; // own: where the band's scores are; keys_from: the head's
uvec2 next_range; // of the key that the thread may list next,
vec2 next_back;   // and what undoes its powers of two
uint turn = 0;

// Who sees the keys that are next is asked long before it is used.
void ask(uint from, uint end)
{
    const uint i = from + band * LANES + lane;
    next_range = i < end ? visible(i) : uvec2(NEVER, 0);
    next_back = i < end ? back[keys_from + i] : vec2(0);
}

void gather(uint from, uint end)
{
    const uvec2 range = next_range;
    const vec2 undo = next_back;
    const uint listing = max(range.x, first) < min(range.y, last + 1) ? 1 : 0;
    const uint before = subgroupExclusiveAdd(listing);
    turn = SUBGROUPS - turn;
    if (lane == LANES - 1)
        useful[turn + band] = before + listing;
    ask(from + THREADS, end);
    barrier();
    uint at = listed + before;
    [[unroll]] for (uint n = 0; n < SUBGROUPS; n++) {
        at += n < band ? useful[turn + n] : 0;
        listed += useful[turn + n];
    }
    if (listing != 0) {
        gathered[at % LIST] = from + band * LANES + lane;
        seen[at % LIST] = range;
        seen_back[at % LIST] = undo;
    }
}

// The next tile's keys or values; the last one may not be full.
void load_tile(bool values)
{
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint e = thread + n * THREADS, key = e / WIDTH;
        const uint row = 2 * (keys_from + gathered[(done + key) % LIST]) + uint(values);
        loaded[n] = uvec4(0);
        if (key < min(TILE, listed - done))
            loaded[n] = kv[row * WIDTH + e % WIDTH];
    }
}

void store_tile()
{
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint e = thread + n * THREADS;
        if (TILE * WIDTH % THREADS == 0 || e < TILE * WIDTH)
            part[e / WIDTH * PITCH + e % WIDTH] = loaded[n];
    }
}

// The row of a lane's n-th.
uint row_of(uint n)
{
    return LANES > BAND ? lane / SHARERS : lane + n * LANES;
}

// The band's scores. They wait in shared memory. Products that follow one another are of different
// sums.
void score_tile()
{
    SUM s[BAND / M * (TILE / N)];
    [[unroll]] for (uint i = 0; i < BAND / M * (TILE / N); i++)
        s[i] = SUM(0.0);
    [[unroll]] for (uint d = 0; d < DIM / K; d++) {
        RIGHT h[TILE / N], l[TILE / N];
        [[unroll]] for (uint n = 0; n < TILE / N; n++) {
            const uint at = n * N * PITCH + d * K / 8;
            coopMatLoad(h[n], part, at, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
            coopMatLoad(l[n], part, at + EIGHTS, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
        }
        [[unroll]] for (uint i = 0; i < BAND / M * (TILE / N); i++)
            s[i] = coopMatMulAdd(q_low[i / (TILE / N) * (DIM / K) + d], h[i % (TILE / N)], s[i]);
        [[unroll]] for (uint i = 0; i < BAND / M * (TILE / N); i++)
            s[i] = coopMatMulAdd(q_high[i / (TILE / N) * (DIM / K) + d], l[i % (TILE / N)], s[i]);
        [[unroll]] for (uint i = 0; i < BAND / M * (TILE / N); i++)
            s[i] = coopMatMulAdd(q_high[i / (TILE / N) * (DIM / K) + d], h[i % (TILE / N)], s[i]);
    }
    [[unroll]] for (uint i = 0; i < BAND / M * (TILE / N); i++)
        coopMatStore(s[i], part, own + i / (TILE / N) * M * S_PITCH + i % (TILE / N) * N / 4,
                     S_PITCH, gl_CooperativeMatrixLayoutRowMajor);
    subgroupBarrier();
}

// 2^8 exp(x) for x below 5, as good as lte_exp: no more operations than that takes.
float weight_of(float x)
{
    const float y = max(x, -86.0);
    precise const float t = fma(y, 1.44269504, 12582920.0), n = t - 12582920.0; // rounds
    const float r = fma(y, 1.92596299e-8, fma(y, 1.44269504, -n));
    float e = 1.3264742e-3;
    e = fma(e, r, 9.6715139e-3);
    e = fma(e, r, 5.5507336e-2);
    e = fma(e, r, 2.4022242e-1);
    e = fma(e, r, 6.9314700e-1);
    e = fma(e, r, 1.0);
    return uintBitsToFloat(floatBitsToUint(e) + (floatBitsToUint(t) << 23)); // t ends in n + 8
}

// What undoes powers of two in the tile. Returns the largest of values'.
float note_tile()
{
    float most = 0;
    for (uint key = lane; key < TILE; key += LANES)
        most = max(most, key < listed - done ? seen_back[(done + key) % LIST].y : 0.0);
    most = uintBitsToFloat(subgroupMax(floatBitsToUint(most)));
    for (uint key = thread; key < TILE; key += THREADS) {
        const vec2 x = key < listed - done ? seen_back[(done + key) % LIST] : vec2(0);
        k_back[key / 4][key % 4] = x.x;
        v_back[key / 4][key % 4] = x.y * inverse(most);
    }
    return most;
}

// Whether all queries see all keys of the tile.
bool plain_tile()
{
    uint plain = 1;
    for (uint key = lane; key < TILE; key += LANES) {
        const uvec2 range = seen[(done + key) % LIST];
        if (key >= listed - done || range.x > first || range.y <= last)
            plain = 0;
    }
    return subgroupMin(plain) != 0;
}

// The lane's scores of a row, LOWEST of keys that are not seen. Returns the largest of the row's.
float take_scores(uint n, bool plain, out vec4 x[EACH])
{
    const uint row = row_of(n), i = first + (band * BAND + row) / HEADS;
    const uint from = lane % SHARERS * EACH;
    float most = LOWEST;
    [[unroll]] for (uint j = 0; j < EACH; j++)
        x[j] = uintBitsToFloat(part[own + row * S_PITCH + from + j]) * q_back[n] * k_back[from + j];
    if (!plain)
        [[unroll]] for (uint j = 0; j < 4 * EACH; j++) {
            const uint key = from * 4 + j;
            const uvec2 range = seen[(done + key) % LIST];
            if (key >= listed - done || i < range.x || range.y <= i)
                x[j / 4][j % 4] = LOWEST;
        }
    [[unroll]] for (uint j = 0; j < EACH; j++)
        most = max(most, max(max(x[j].x, x[j].y), max(x[j].z, x[j].w)));
    [[unroll]] for (uint s = 1; s < SHARERS; s *= 2)
        most = max(most, subgroupShuffleXor(most, s));
    return most;
}

// From scores to weights.
void weigh()
{
    const bool plain = plain_tile();
    vec4 x[OWN * EACH];
    [[unroll]] for (uint n = 0; n < OWN; n++) {
        vec4 y[EACH];
        const float most = take_scores(n, plain, y);
        const float before = top[n];
        top[n] = most > top[n] + RISE ? most : top[n];
        fall[n] = top[n] == before ? 1.0 : lte_exp(before - top[n]);
        total[n] *= fall[n];
        [[unroll]] for (uint j = 0; j < EACH; j++) {
            [[unroll]] for (uint c = 0; c < 4; c++)
                y[j][c] = weight_of(y[j][c] - top[n]);
            total[n] += y[j].x + y[j].y + (y[j].z + y[j].w);
            x[n * EACH + j] = y[j] * v_back[lane % SHARERS * EACH + j];
        }
    }
    subgroupBarrier();
    [[unroll]] for (uint n = 0; n < OWN; n++)
        [[unroll]] for (uint j = 0; j < EACH; j += 2) {
            const vec4 a = x[n * EACH + j], b = x[n * EACH + j + 1];
            const uint at = own + row_of(n) * S_PITCH + (lane % SHARERS * EACH + j) / 2;
            part[at] = uvec4(pack(cut(a)), pack(cut(b)));
            part[at + TILE / 8] = uvec4(pack(a - cut(a)), pack(b - cut(b)));
        }
    subgroupBarrier();
}

void load_weights()
{
    [[unroll]] for (uint m = 0; m < BAND / M; m++)
        [[unroll]] for (uint j = 0; j < TILE / K; j++) {
            const uint at = own + m * M * S_PITCH + j * K / 8, i = m * (TILE / K) + j;
            coopMatLoad(high[i], part, at, S_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(low[i], part, at + TILE / 8, S_PITCH, gl_CooperativeMatrixLayoutRowMajor);
        }
}

// Whether a row's maximum has risen in any band. Before and after there is a barrier.
void note_rise()
{
    float least = 1.0;
    [[unroll]] for (uint n = 0; n < OWN; n++)
        least = min(least, fall[n]);
    least = subgroupMin(least);
    if (lane == 0)
        falls[band] = least;
}

bool risen()
{
    float least = 1.0;
    [[unroll]] for (uint n = 0; n < SUBGROUPS; n++)
        least = min(least, falls[n]);
    return least < 1.0;
}

// Rows of sums times what their maxima's rise leaves of them.
void lower_sums()
{
    subgroupBarrier();
    [[unroll]] for (uint n = 0; n < OWN; n++)
        for (uint j = lane % SHARERS; j < N / 4; j += SHARERS)
            part[own + row_of(n) * S_PITCH + j] = floatBitsToUint(vec4(fall[n]));
    subgroupBarrier();
    [[unroll]] for (uint m = 0; m < BAND / M; m++) {
        SUM f;
        coopMatLoad(f, part, own + m * M * S_PITCH, S_PITCH, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint n = 0; n < DIM / N; n++)
            sum[m * (DIM / N) + n] = sum[m * (DIM / N) + n] * f;
    }
}

// A tile's sum is rounded once as it is added: the matrices may cut off what they add.
void add_values(float most)
{
    SUM s[BAND / M * (DIM / N)];
    [[unroll]] for (uint i = 0; i < BAND / M * (DIM / N); i++)
        s[i] = SUM(0.0);
    [[unroll]] for (uint j = 0; j < TILE / K; j++) {
        RIGHT h[DIM / N], l[DIM / N];
        [[unroll]] for (uint n = 0; n < DIM / N; n++) {
            const uint at = j * K * PITCH + n * N / 8;
            coopMatLoad(h[n], part, at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(l[n], part, at + EIGHTS, PITCH, gl_CooperativeMatrixLayoutRowMajor);
        }
        [[unroll]] for (uint i = 0; i < BAND / M * (DIM / N); i++)
            s[i] = coopMatMulAdd(low[i / (DIM / N) * (TILE / K) + j], h[i % (DIM / N)], s[i]);
        [[unroll]] for (uint i = 0; i < BAND / M * (DIM / N); i++)
            s[i] = coopMatMulAdd(high[i / (DIM / N) * (TILE / K) + j], l[i % (DIM / N)], s[i]);
        [[unroll]] for (uint i = 0; i < BAND / M * (DIM / N); i++)
            s[i] = coopMatMulAdd(high[i / (DIM / N) * (TILE / K) + j], h[i % (DIM / N)], s[i]);
    }
    [[unroll]] for (uint i = 0; i < BAND / M * (DIM / N); i++)
        sum[i] = sum[i] + s[i] * most;
}

// Values are on their way while scores are made, the next tile's keys while values are added.
void take_tile(inout uint from, uint end)
{
    barrier();
    store_tile();
    const float most = note_tile();
    load_tile(true);
    barrier();
    score_tile();
    weigh();
    note_rise();
    barrier();
    store_tile();
    const bool lower = risen();
    done += min(TILE, listed - done);
    fill(from, end);
    load_tile(false);
    load_weights();
    if (lower)
        lower_sums();
    add_values(most);
}

// Eight numbers of a row; rows beyond the last are the last.
void load_query(uint e, out vec4 a, out vec4 b)
{
    const uint row = e / EIGHTS, i = min(first + row / HEADS, last);
    const uint h = min(first_head + row % HEADS, p.group - 1);
    const uint at = ((g.row + i) * p.heads * p.group + key_head * p.group + h) * VECTORS;
    a = p.scale * q4[at + e % EIGHTS * 2];
    b = p.scale * q4[at + e % EIGHTS * 2 + 1];
}

void load_queries()
{
    for (uint e = thread; e < ROWS; e += THREADS)
        q_largest[e] = 0;
    barrier();
    for (uint e = thread; e < ROWS * EIGHTS; e += THREADS) {
        vec4 a, b;
        load_query(e, a, b);
        atomicMax(q_largest[e / EIGHTS], max(magnitude(a), magnitude(b)));
    }
    [[unroll]] for (uint low = 0; low < 2; low++) {
        barrier();
        for (uint e = thread; e < ROWS * EIGHTS; e += THREADS) {
            vec4 a, b;
            load_query(e, a, b);
            a *= power(q_largest[e / EIGHTS]);
            b *= power(q_largest[e / EIGHTS]);
            if (low != 0) {
                a -= cut(a);
                b -= cut(b);
            }
            part[e / EIGHTS * Q_PITCH + e % EIGHTS] = uvec4(pack(cut(a)), pack(cut(b)));
        }
        barrier();
        [[unroll]] for (uint m = 0; m < BAND / M; m++)
            [[unroll]] for (uint d = 0; d < DIM / K; d++) {
                const uint at = (band * BAND + m * M) * Q_PITCH + d * K / 8, i = m * (DIM / K) + d;
                if (low != 0)
                    coopMatLoad(q_low[i], part, at, Q_PITCH, gl_CooperativeMatrixLayoutRowMajor);
                else
                    coopMatLoad(q_high[i], part, at, Q_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            }
    }
    [[unroll]] for (uint n = 0; n < OWN; n++)
        q_back[n] = inverse(power(q_largest[band * BAND + row_of(n)]));
}

// Where a row's results go, or NEVER.
uint place_of(uint row, uint share)
{
    const uint i = first + row / HEADS, h = first_head + row % HEADS;
    const uint heads = p.heads * p.group, head = key_head * p.group + h;
    if (i > last || h >= p.group)
        return NEVER;
    return !APART ? ((g.row + i) * heads + head) * DIM
        : (((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.splits + share) * (DIM + 2);
}

// Shares of a row lie together: DIM sums, then the maximum and the total.
void finish(uint share)
{
    [[unroll]] for (uint n = 0; n < OWN; n++)
        [[unroll]] for (uint s = 1; s < SHARERS; s *= 2)
            total[n] += subgroupShuffleXor(total[n], s);
    [[unroll]] for (uint m = 0; m < BAND / M; m++)
        [[unroll]] for (uint c = 0; c < DIM / N; c++) {
            subgroupBarrier();
            coopMatStore(sum[m * (DIM / N) + c], part, own, S_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
            subgroupBarrier();
            [[unroll]] for (uint n = 0; n < OWN; n++) {
                const uint row = row_of(n), at = place_of(band * BAND + row, share);
                if (row / M != m || at == NEVER)
                    continue;
                for (uint j = lane % SHARERS; j < N / 4; j += SHARERS) {
                    const vec4 x = uintBitsToFloat(part[own + row % M * S_PITCH + j]);
                    const uint to = at + c * N + 4 * j;
                    if (!APART) {
                        o4[to / 4] = total[n] == 0.0 ? vec4(0) : x / total[n];
                        continue;
                    }
                    [[unroll]] for (uint i = 0; i < 4; i++)
                        o[to + i] = x[i];
                }
                if (APART && c == 0 && lane % SHARERS == 0) {
                    o[at + DIM] = top[n];
                    o[at + DIM + 1] = total[n];
                }
            }
        }
}

void main()
{
    const uint parts = (p.group + HEADS - 1) / HEADS, share = gl_WorkGroupID.x % p.splits;
    band = gl_SubgroupID;
    lane = gl_SubgroupInvocationID;
    thread = gl_LocalInvocationID.x;
    own = BANDS + band * BAND * S_PITCH;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y / parts;
    first_head = gl_WorkGroupID.y % parts * HEADS;
    // the last queries, which see the most, begin first
    first = ((gl_NumWorkGroups.x - 1 - gl_WorkGroupID.x) / p.splits) * QUERIES;
    last = min(first + QUERIES, g.rows) - 1;
    if (first >= g.rows)
        return;
    keys_from = (gl_WorkGroupID.z * p.heads + key_head) * (p.slots + p.ring + p.rows);
    const uint keys = begin(), tiles = (keys + TILE - 1) / TILE;
    [[unroll]] for (uint n = 0; n < BAND / M * (DIM / N); n++)
        sum[n] = SUM(0.0);
    [[unroll]] for (uint n = 0; n < OWN; n++) {
        total[n] = 0;
        top[n] = LOW;
    }
    load_queries();
    barrier();
    uint from = tiles * share / p.splits * TILE;
    const uint end = min(tiles * (share + 1) / p.splits * TILE, keys);
    ask(from, end);
    fill(from, end);
    load_tile(false);
    while (listed != done)
        take_tile(from, end);
    barrier();
    finish(share);
}
