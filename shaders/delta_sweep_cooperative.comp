#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The sweep of the gated delta rule through a head's state, 64 tokens at a time (delta_wy.glsl): a
// workgroup has some columns of it, which stay in fp32 as sums. A subgroup has tiles of rows of D
// and O, then of keys, all columns of each; what it multiplies from the left comes straight from
// the record, asked for while the other product runs. The state and D, which all need, are in
// shared memory as two f16.
#extension GL_GOOGLE_include_directive : require
#include "delta_wy.glsl"

layout(constant_id = 0) const bool WIDE = false; // outputs lie at multiples of four
layout(constant_id = 8) const uint COLUMNS = 32;

layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Records { uvec4 record[]; };
layout(binding = 2) buffer State { float state[]; };
layout(binding = 3) writeonly buffer Out { float o[]; };

const uint TILES = ROW_TILES / SUBGROUPS, DOWN = 16 / M, ACROSS = COLUMNS / N, WIDTH = COLUMNS / 16;
const uint OWN = (KEY_TILES + SUBGROUPS - 1) / SUBGROUPS; // tiles of keys of a subgroup
const uint DEEP = KEYS / K, SHORT = CHUNK / K;
const uint MOST = TILES > OWN ? TILES * DOWN : OWN * DOWN;
const bool AHEAD = KEYS <= 128; // else registers do not hold L
// Shared memory, in vectors of 16 bytes: the state and D, in tiles (delta_right.glsl), then what
// subgroups turn theirs in.
const uint DELTA = KEY_TILES * WIDTH * SPLIT_TILE, STAGE = DELTA + DELTA_TILES * WIDTH * SPLIT_TILE;
const uint TURN_PITCH = 3, TURN = 16 * TURN_PITCH; // f16 [16][16], rows in banks of their own
const uint SHARED = STAGE + SUBGROUPS * 2 * TURN;

shared uvec4 part[SHARED];
shared float state_most[SUBGROUPS], delta_most[DELTA_TILES];

uint mine, lane;
#include "delta_right.glsl"

lte_vk_segment g;
uint head, column;
known at;
uvec4 next_known[2];
float state_scale, state_bound;
SUM s[OWN * DOWN * ACROSS], base[TILES * DOWN * ACROSS];
LEFT left_high[TILES * DOWN * (AHEAD ? DEEP : 1)], left_low[TILES * DOWN * (AHEAD ? DEEP : 1)];
SUM sum[MOST * ACROSS];
HALF_SUM high[DOWN * 16 / N], low[DOWN * 16 / N]; // of a tile
RIGHT right_high[ACROSS], right_low[ACROSS];
LEFT key_high[OWN * DOWN * SHORT], key_low[OWN * DOWN * SHORT];

uint record_at(uint chunk)
{
    return record_of(gl_WorkGroupID.z, head, chunk);
}

void load_half(out LEFT m, uint tile, uint row, uint column)
{
    coopMatLoad(m, record, tile + row * 2 + column / 8, 2, ROW_MAJOR);
}

void load_left(uint from, uint i, uint k, uint to)
{
    const uint row = (mine + i / DOWN * SUBGROUPS) * 16 + i % DOWN * M, column = k * K;
    const uint tile = from + LEFT_AT + (row / 16 * KEY_TILES + column / 16) * SPLIT_TILE;
    load_half(left_high[to], tile, row % 16, column % 16);
    load_half(left_low[to], tile + HALF_TILE, row % 16, column % 16);
}

void fetch_left(uint chunk)
{
    const uint from = record_at(chunk);
    next_known[0] = record[from + KNOWN_AT];
    next_known[1] = record[from + KNOWN_AT + 1];
    [[unroll]] for (uint i = 0; i < TILES * DOWN; i++) {
        if (AHEAD)
            [[unroll]] for (uint k = 0; k < DEEP; k++)
                load_left(from, i, k, i * DEEP + k);
        const uint row = (mine + i / DOWN * SUBGROUPS) * 16 + i % DOWN * M;
        [[unroll]] for (uint n = 0; n < ACROSS; n++) {
            const uint v = column + n * N;
            coopMatLoad(base[i * ACROSS + n], record,
                        from + BASE_AT + (row / 16 * VALUE_TILES + v / 16) * TILE + row % 16 * 4 +
                            v % 16 / 4, 4, ROW_MAJOR);
        }
    }
}

void fetch_keys(uint chunk)
{
    const uint from = record_at(chunk) + KEYS_AT;
    [[unroll]] for (uint i = 0; i < OWN * DOWN; i++) {
        const uint key = (mine + i / DOWN * SUBGROUPS) * 16 + i % DOWN * M;
        if (key < KEYS)
            [[unroll]] for (uint k = 0; k < SHORT; k++) {
                const uint tile = from + (key / 16 * DELTA_TILES + k * K / 16) * SPLIT_TILE;
                load_half(key_high[i * SHORT + k], tile, key % 16, k * K % 16);
                load_half(key_low[i * SHORT + k], tile + HALF_TILE, key % 16, k * K % 16);
            }
    }
}

// What was asked for last.
void find_known()
{
    const vec4 x = uintBitsToFloat(next_known[0]), y = uintBitsToFloat(next_known[1]);
    at = known(x.x, x.y, x.z, x.w, y.x, y.y, y.z);
}

float largest_state()
{
    float most = state_most[0];
    [[unroll]] for (uint i = 1; i < SUBGROUPS; i++)
        most = max(most, state_most[i]);
    return most;
}

// A tile's sums, high[] and low[], as they are multiplied.
void put_tile(uint to)
{
    const uint stage = STAGE + mine * 2 * TURN;
    subgroupBarrier();
    [[unroll]] for (uint e = 0; e < DOWN * 16 / N; e++) {
        const uint at = stage + e / (16 / N) * M * TURN_PITCH + e % (16 / N) * N / 8;
        coopMatStore(high[e], part, at, TURN_PITCH, ROW_MAJOR);
        coopMatStore(low[e], part, at + TURN, TURN_PITCH, ROW_MAJOR);
    }
    subgroupBarrier();
    put_right(stage, TURN_PITCH, to);
    put_right(stage + TURN, TURN_PITCH, to + HALF_TILE);
}

// Rows of the state, or of D, from `row` on.
void fetch_right(uint from, uint row)
{
    [[unroll]] for (uint n = 0; n < ACROSS; n++) {
        const uint tile = from + (row / 16 * WIDTH + n * N / 16) * SPLIT_TILE;
        load_right(right_high[n], tile, row % 16, n * N % 16);
        load_right(right_low[n], tile + HALF_TILE, row % 16, n * N % 16);
    }
}

// Adds the product of a matrix and these.
void multiply(LEFT high, LEFT low, uint to)
{
    [[unroll]] for (uint n = 0; n < ACROSS; n++)
        sum[to + n] = coopMatMulAdd(low, right_high[n], sum[to + n]);
    [[unroll]] for (uint n = 0; n < ACROSS; n++)
        sum[to + n] = coopMatMulAdd(high, right_low[n], sum[to + n]);
    [[unroll]] for (uint n = 0; n < ACROSS; n++)
        sum[to + n] = coopMatMulAdd(high, right_high[n], sum[to + n]);
}

void clear()
{
    [[unroll]] for (uint i = 0; i < MOST * ACROSS; i++)
        sum[i] = SUM(0.0);
}

// A row of tiles of sums as they are multiplied, times a power of two, and how large they were.
void keep_row(uint i, uint to, float scale, bool states, inout float most)
{
    [[unroll]] for (uint c = 0; c < WIDTH; c++) {
        [[unroll]] for (uint e = 0; e < DOWN * 16 / N; e++) {
            const uint of = (i * DOWN + e / (16 / N)) * ACROSS + c * (16 / N) + e % (16 / N);
            const SUM x = states ? s[of] : sum[of];
            most = largest_of(x, most);
            split(x * scale, high[e], low[e]);
        }
        put_tile(to + c * SPLIT_TILE);
    }
}

// Sums of a tile's rows, the first of them of `token`.
void give(uint i, uint token)
{
    const uint stride = p.value_heads * p.value_dim;
    [[unroll]] for (uint e = 0; e < DOWN * ACROSS; e++) {
        const uint first = token + e / ACROSS * M, v = column + e % ACROSS * N;
        const uint to = ((g.row + first) * p.value_heads + head) * p.value_dim + v;
        if (WIDE && first + M <= g.rows && v + N <= p.value_dim) {
            coopMatStore(sum[i * DOWN * ACROSS + e], o, to, stride, ROW_MAJOR);
            continue;
        }
        const uint stage = STAGE + mine * 2 * TURN;
        subgroupBarrier();
        coopMatStore(sum[i * DOWN * ACROSS + e], part, stage, N / 4, ROW_MAJOR);
        subgroupBarrier();
        for (uint n = lane; n < M * N; n += LANES)
            if (first + n / N < g.rows && v + n % N < p.value_dim)
                o[to + n / N * stride + n % N] = uintBitsToFloat(part[stage + n / 4][n % 4]);
    }
}

// The state as it is multiplied, its largest at most `bound`.
void put_state(float bound)
{
    float most = 0;
    state_scale = power(bound);
    [[unroll]] for (uint i = 0; i < OWN; i++) {
        const uint tile = mine + i * SUBGROUPS;
        if (tile < KEY_TILES)
            keep_row(i, tile * WIDTH * SPLIT_TILE, state_scale, true, most);
    }
    most = uintBitsToFloat(subgroupMax(floatBitsToUint(most)));
    if (lane == 0)
        state_most[mine] = most;
}

void keep_delta(uint i, uint tile, float scale)
{
    float most = 0;
    keep_row(i, DELTA + tile * WIDTH * SPLIT_TILE, scale, false, most);
    most = uintBitsToFloat(subgroupMax(floatBitsToUint(most)));
    if (lane == 0)
        delta_most[tile] = most;
}

// [D; O] = B - L S; D is kept as it is multiplied. Its power of two.
float read(uint chunk)
{
    const float most = largest_state(), delta_scale = power(at.base_most + at.left_most * most);
    clear();
    [[unroll]] for (uint k = 0; k < DEEP; k++) {
        fetch_right(0, k * K);
        [[unroll]] for (uint i = 0; i < TILES * DOWN; i++) {
            const uint a = AHEAD ? i * DEEP + k : i;
            if (!AHEAD)
                load_left(record_at(chunk), i, k, i);
            multiply(left_high[a], left_low[a], i * ACROSS);
        }
    }
    [[unroll]] for (uint i = 0; i < TILES; i++) {
        const uint tile = mine + i * SUBGROUPS;
        const float left_back = tile < DELTA_TILES ? at.delta_back : at.out_back;
        const float back = left_back * inverse(state_scale);
        [[unroll]] for (uint e = i * DOWN * ACROSS; e < (i + 1) * DOWN * ACROSS; e++)
            sum[e] = base[e] - sum[e] * back;
        if (tile < DELTA_TILES)
            keep_delta(i, tile, delta_scale);
        else
            give(i, (p.first + chunk) * CHUNK + (tile - DELTA_TILES) * 16);
    }
    state_bound = at.decay * most;
    return delta_scale;
}

// S' = e^{G_63} S + K^T D.
void write(float delta_scale)
{
    const float back = at.keys_back * inverse(delta_scale);
    float most = 0;
    [[unroll]] for (uint i = 0; i < DELTA_TILES; i++)
        most = max(most, delta_most[i]);
    clear();
    [[unroll]] for (uint k = 0; k < SHORT; k++) {
        fetch_right(DELTA, k * K);
        [[unroll]] for (uint i = 0; i < OWN * DOWN; i++)
            if (mine + i / DOWN * SUBGROUPS < KEY_TILES)
                multiply(key_high[i * SHORT + k], key_low[i * SHORT + k], i * ACROSS);
    }
    [[unroll]] for (uint i = 0; i < OWN * DOWN * ACROSS; i++)
        s[i] = s[i] * at.decay + sum[i] * back;
    put_state(state_bound + at.keys_most * most);
}

// The subgroup's keys of the state from or to memory, where 16 columns lie together; what lies
// beyond the last key or column is zero.
void move_state(bool give_back)
{
    const uint stage = STAGE + mine * 2 * TURN, pieces = (p.value_dim + 15) / 16;
    [[unroll]] for (uint i = 0; i < OWN * DOWN; i++)
        [[unroll]] for (uint n = 0; n < ACROSS; n++) {
            const uint key = (mine + i / DOWN * SUBGROUPS) * 16 + i % DOWN * M;
            const uint piece = (column + n * N) / 16;
            const uint from =
                g.state + ((head * pieces + piece) * p.key_dim + key) * 16 + n * N % 16;
            if (key + M <= p.key_dim && piece < pieces) { // rows of 16 columns follow each other
                if (give_back)
                    coopMatStore(s[i * ACROSS + n], state, from, 16, ROW_MAJOR);
                else
                    coopMatLoad(s[i * ACROSS + n], state, from, 16, ROW_MAJOR);
                continue;
            }
            subgroupBarrier();
            if (give_back)
                coopMatStore(s[i * ACROSS + n], part, stage, N / 4, ROW_MAJOR);
            subgroupBarrier();
            for (uint e = lane; e < M * N; e += LANES) {
                const bool there = key + e / N < p.key_dim && piece < pieces;
                const uint word = from + e / N * 16 + e % N;
                if (!give_back)
                    part[stage + e / 4][e % 4] = there ? floatBitsToUint(state[word]) : 0;
                else if (there)
                    state[word] = uintBitsToFloat(part[stage + e / 4][e % 4]);
            }
            subgroupBarrier();
            if (!give_back)
                coopMatLoad(s[i * ACROSS + n], part, stage, N / 4, ROW_MAJOR);
        }
}

void put_first_state()
{
    float most = 0;
    [[unroll]] for (uint i = 0; i < OWN * DOWN * ACROSS; i++)
        most = largest_of(s[i], most);
    most = uintBitsToFloat(subgroupMax(floatBitsToUint(most)));
    if (lane == 0)
        state_most[mine] = most;
    barrier();
    most = largest_state();
    barrier();
    put_state(most);
}

void main()
{
    mine = gl_SubgroupID;
    lane = gl_SubgroupInvocationID;
    head = gl_WorkGroupID.y;
    column = gl_WorkGroupID.x * COLUMNS;
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint all = (g.rows + CHUNK - 1) / CHUNK;
    if (all <= p.first)
        return;
    const uint chunks = min(p.chunks, all - p.first);
    fetch_left(0);
    move_state(false);
    put_first_state();
    for (uint chunk = 0; chunk < chunks; chunk++) {
        find_known();
        fetch_keys(chunk);
        barrier();
        const float delta_scale = read(chunk);
        if (chunk + 1 < chunks)
            fetch_left(chunk + 1);
        barrier();
        write(delta_scale);
    }
    move_state(true);
}
