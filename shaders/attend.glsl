// SPDX-License-Identifier: BSD-2-Clause
// attend of simd/attend.h. A workgroup has ROWS rows, which are HEADS query heads of one key head
// for some queries, and takes its share of the keys. Those that one of its queries sees are
// gathered, so that tiles are full; of a tile's products with all rows a thread has a block, of the
// sums of values another with the same rows. Shares that stay apart are written as unfinished sums,
// for another shader to join. A shader that includes this has bound `segment`, `q` and `o`, and the
// state three times over; its p has segment, heads, group, rows, splits and scale.
#extension GL_EXT_control_flow_attributes : require

layout(constant_id = 0) const uint DIM = 64;
layout(constant_id = 1) const uint ROWS = 16;
layout(constant_id = 2) const uint HEADS = 1;
layout(constant_id = 3) const uint TILE = 32; // a multiple of KEY_LANES
layout(constant_id = 4) const uint TYPE = LTE_F32;
layout(constant_id = 5) const bool APART = false;

const uint KEY_LANES = 8, ROW_LANES = THREADS / KEY_LANES;
const uint BLOCK = (ROWS + ROW_LANES - 1) / ROW_LANES; // rows of a thread, at most four,
const uint KEYS = TILE / KEY_LANES;                    // and keys
const uint VECTORS = (DIM + 3) / 4;                    // of a query; filled up with zeros
const uint QUADS = (VECTORS + KEY_LANES - 1) / KEY_LANES; // of a thread
const uint STRIDE = VECTORS | 1;                       // of rows: no two threads at one bank
const uint LOADS = (TILE * VECTORS + THREADS - 1) / THREADS;
const float LOWEST = -3.402823466e38;
#include "attend_list.glsl"
#include "attend_load.glsl"

shared vec4 query[ROWS * STRIDE];
shared vec4 tile[TILE * STRIDE];           // keys, then values
shared vec4 weight[TILE * ROW_LANES];      // of a key, for the rows of a lane
shared uint wanted[THREADS / 32];          // a bit a key
shared vec4 across[BLOCK * THREADS / 4];   // what the lanes of a row tell each other

vec4 sum[BLOCK * QUADS];                   // of values, for every row
float total[BLOCK], top[BLOCK];            // of this lane's weights; the rows' maxima
vec4 loaded[LOADS];
float x[BLOCK * KEYS];                     // scores, then weights, of the thread's rows and keys
uint lane, row_lane;

// Lists those of the next THREADS keys that a query of the workgroup sees.
void gather(uint from, uint end)
{
    const uint i = gl_LocalInvocationID.x;
    const uvec2 range = from + i < end ? visible(from + i) : uvec2(NEVER, 0);
    const bool useful = max(range.x, first) < min(range.y, last + 1);
    barrier();
    if (i < THREADS / 32)
        wanted[i] = 0;
    barrier();
    if (useful)
        atomicOr(wanted[i / 32], 1u << i % 32);
    barrier();
    uint at = listed;
    for (uint n = 0; n < THREADS / 32; n++) {
        const uint before = i / 32 > n ? 0xffffffffu : i / 32 == n ? (1u << i % 32) - 1 : 0;
        at += bitCount(wanted[n] & before);
        listed += bitCount(wanted[n]);
    }
    if (useful) {
        gathered[at % LIST] = from + i;
        seen[at % LIST] = range;
    }
}

// What the shader that includes this says beside: four numbers of a key, or of its value, from
// 4 * quad on.
vec4 load(uint i, uint quad, bool values);

// Of the next tile; the last one may not be full.
void load_tile(bool values)
{
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint e = gl_LocalInvocationID.x + n * THREADS, key = e / VECTORS;
        loaded[n] = key < min(TILE, listed - done)
                        ? load(gathered[(done + key) % LIST], e % VECTORS, values) : vec4(0);
    }
}

void store_tile()
{
    [[unroll]] for (uint n = 0; n < LOADS; n++) {
        const uint e = gl_LocalInvocationID.x + n * THREADS;
        if (e < TILE * VECTORS)
            tile[e / VECTORS * STRIDE + e % VECTORS] = loaded[n];
    }
}

uint row_of(uint n)
{
    return row_lane + n * ROW_LANES;
}

// This thread's rows with its keys; LOWEST where a query does not see the key.
void score_tile()
{
    [[unroll]] for (uint n = 0; n < BLOCK * KEYS; n++)
        x[n] = 0;
    for (uint d = 0; d < VECTORS; d++) {
        vec4 key[KEYS];
        [[unroll]] for (uint k = 0; k < KEYS; k++)
            key[k] = tile[(lane + k * KEY_LANES) * STRIDE + d];
        [[unroll]] for (uint r = 0; r < BLOCK; r++) {
            const vec4 y = query[min(row_of(r), ROWS - 1) * STRIDE + d];
            [[unroll]] for (uint k = 0; k < KEYS; k++)
                x[r * KEYS + k] = fma(y.x, key[k].x, fma(y.y, key[k].y, fma(y.z, key[k].z,
                                  fma(y.w, key[k].w, x[r * KEYS + k]))));
        }
    }
    [[unroll]] for (uint k = 0; k < KEYS; k++) {
        const uint key = lane + k * KEY_LANES, at = (done + key) % LIST;
        const uvec2 range = key < listed - done ? seen[at] : uvec2(NEVER, 0);
        [[unroll]] for (uint r = 0; r < BLOCK; r++) {
            const uint i = first + row_of(r) / HEADS;
            if (i < range.x || range.y <= i)
                x[r * KEYS + k] = LOWEST;
        }
    }
}

// What y is for all lanes of the thread's rows.
void tell(uint row, float y)
{
    const uint at = row * THREADS + gl_LocalInvocationID.x;
    across[at / 4][at % 4] = y;
}

vec4 told(uint row, uint half_of)
{
    return across[(row * THREADS + row_lane * KEY_LANES) / 4 + half_of];
}

// From scores to weights; what was summed before shrinks as the maximum rises.
void weigh()
{
    [[unroll]] for (uint r = 0; r < BLOCK; r++) {
        const vec4 y = max(told(r, 0), told(r, 1));
        const float most = max(top[r], max(max(y.x, y.y), max(y.z, y.w)));
        const float fall = lte_exp(top[r] - most);
        top[r] = most;
        total[r] *= fall;
        [[unroll]] for (uint n = 0; n < QUADS; n++)
            sum[r * QUADS + n] *= fall;
        [[unroll]] for (uint k = 0; k < KEYS; k++) {
            const float z = x[r * KEYS + k] == LOWEST ? 0.0 : lte_exp(x[r * KEYS + k] - most);
            total[r] += z;
            x[r * KEYS + k] = z;
        }
    }
    [[unroll]] for (uint k = 0; k < KEYS; k++) {
        vec4 z = vec4(0);
        [[unroll]] for (uint r = 0; r < BLOCK; r++)
            z[r] = x[r * KEYS + k];
        weight[(lane + k * KEY_LANES) * ROW_LANES + row_lane] = z;
    }
}

void add_values()
{
    for (uint key = 0; key < TILE; key++) {
        const vec4 z = weight[key * ROW_LANES + row_lane];
        [[unroll]] for (uint n = 0; n < QUADS; n++) {
            const vec4 value = tile[key * STRIDE + min(lane + n * KEY_LANES, VECTORS - 1)];
            [[unroll]] for (uint r = 0; r < BLOCK; r++)
                sum[r * QUADS + n] = fma(vec4(z[r]), value, sum[r * QUADS + n]);
        }
    }
}

// The next tile's keys are on their way while the values are added.
void take_tile(inout uint from, uint end)
{
    store_tile();
    barrier();
    load_tile(true);
    score_tile();
    [[unroll]] for (uint r = 0; r < BLOCK; r++) {
        float most = x[r * KEYS];
        [[unroll]] for (uint k = 1; k < KEYS; k++)
            most = max(most, x[r * KEYS + k]);
        tell(r, most);
    }
    barrier();
    weigh();
    store_tile();
    done += min(TILE, listed - done);
    fill(from, end);
    load_tile(false);
    add_values();
    barrier();
}

void load_queries()
{
    for (uint e = gl_LocalInvocationID.x; e < ROWS * VECTORS; e += THREADS) {
        const uint row = e / VECTORS, quad = e % VECTORS, i = min(first + row / HEADS, last);
        const uint h = min(first_head + row % HEADS, p.group - 1);
        const uint at = ((g.row + i) * p.heads * p.group + key_head * p.group + h) * DIM;
        vec4 y = vec4(0);
        for (uint d = 4 * quad; d < min(4 * quad + 4, DIM); d++)
            y[d % 4] = p.scale * q[at + d];
        query[row * STRIDE + quad] = y;
    }
}

// Shares of a row lie together: DIM sums, then the maximum and the total.
void finish(uint share)
{
    [[unroll]] for (uint r = 0; r < BLOCK; r++)
        tell(r, total[r]);
    barrier();
    [[unroll]] for (uint r = 0; r < BLOCK; r++) {
        const uint i = first + row_of(r) / HEADS, h = first_head + row_of(r) % HEADS;
        const uint heads = p.heads * p.group, head = key_head * p.group + h;
        const vec4 y = told(r, 0) + told(r, 1);
        const float whole = y.x + y.y + (y.z + y.w);
        if (row_of(r) >= ROWS || i > last || h >= p.group)
            continue;
        const uint at = !APART ? ((g.row + i) * heads + head) * DIM
            : (((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.splits + share) * (DIM + 2);
        [[unroll]] for (uint n = 0; n < QUADS; n++) {
            const uint d = 4 * (lane + n * KEY_LANES);
            const vec4 z = sum[r * QUADS + n];
            [[unroll]] for (uint c = 0; c < 4; c++)
                if (d + c < DIM)
                    o[at + d + c] = APART ? z[c] : whole == 0.0 ? 0.0 : z[c] / whole;
        }
        if (APART && lane == 0) {
            o[at + DIM] = top[r];
            o[at + DIM + 1] = whole;
        }
    }
}

void main()
{
    const uint parts = (p.group + HEADS - 1) / HEADS, share = gl_WorkGroupID.x % p.splits;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y / parts;
    first_head = gl_WorkGroupID.y % parts * HEADS;
    // the last queries, which see the most, begin first
    first = ((gl_NumWorkGroups.x - 1 - gl_WorkGroupID.x) / p.splits) * (ROWS / HEADS);
    last = min(first + ROWS / HEADS, g.rows) - 1;
    lane = gl_LocalInvocationID.x % KEY_LANES;
    row_lane = gl_LocalInvocationID.x / KEY_LANES;
    if (first >= g.rows)
        return;
    const uint keys = begin(), tiles = (keys + TILE - 1) / TILE;
    if (keys == NEVER)
        return;
    [[unroll]] for (uint n = 0; n < BLOCK * QUADS; n++)
        sum[n] = vec4(0);
    [[unroll]] for (uint r = 0; r < BLOCK; r++) {
        total[r] = 0;
        top[r] = LOWEST;
    }
    load_queries();
    uint from = tiles * share / p.splits * TILE;
    const uint end = min(tiles * (share + 1) / p.splits * TILE, keys);
    fill(from, end);
    load_tile(false);
    while (listed != done)
        take_tile(from, end);
    finish(share);
}
