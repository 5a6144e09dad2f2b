#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What the sweep of the gated delta rule needs to know of 64 tokens of a value head, a workgroup
// each (delta_wy.glsl). Of sixteen subgroups two share a tile of rows. Tokens beyond the last have
// keys, queries, values and betas of zero.
#extension GL_GOOGLE_include_directive : require
#include "delta_wy.glsl"

layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Qkv4 { vec4 qkv4[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
layout(binding = 3) writeonly buffer Records { uvec4 record[]; };
#include "delta_rows.glsl"
#include "maths.glsl"

const uint SLICE = 32; // channels at a time; a thread brings eight of a row
const uint PER = ROWS * SLICE / 8 / THREADS, SLICES = KEYS / SLICE;
const uint PER_VALUE = (CHUNK * SLICE / 8 + THREADS - 1) / THREADS, VALUE_SLICES = VALUES / SLICE;
// A subgroup has some tiles of rows, and of sixteen subgroups every second tile of columns.
const uint SIDES = SUBGROUPS > ROW_TILES ? SUBGROUPS / ROW_TILES : 1;
const uint TILES = SUBGROUPS > ROW_TILES ? 1 : ROW_TILES / SUBGROUPS;
const uint DOWN = 16 / M, ACROSS = 16 / N, DEEP = CHUNK / K, WIDTH = CHUNK / N / SIDES;
// Shared memory, in vectors of 16 bytes. Rows are so long that eight of them lie in all banks. In
// turn it holds
const uint PITCH = SLICE / 8 + 1, LOW = ROWS * PITCH; // slices of keys and queries, f16: two
const uint WIDE_PITCH = CHUNK / 4 + 1;                // [ROWS][CHUNK] fp32: X, then Mix
const uint GAM = 4 * LOW;                             // [CHUNK][16] fp32, of tokens of 16
const uint Y_PITCH = CHUNK / 8 + 1, Y_LOW = ROWS * Y_PITCH; // Y, f16
const uint SLICE_LOW = CHUNK * PITCH, SUMMAND = 2 * SLICE_LOW, SUMMAND_PITCH = SLICE / 4 + 1;
const uint STAGE = SUMMAND + CHUNK * SUMMAND_PITCH;   // a slice's f16, fp32 to be added: two
const uint SHARED = max(max(2 * STAGE, GAM + CHUNK * 4), 2 * Y_LOW);

shared uvec4 part[SHARED];
shared float a[CHUNK], beta[CHUNK], since[CHUNK], until[CHUNK]; // decay from and to a 16th token
shared float start[CHUNK], rest[CHUNK];                         // e^G, e^{G_63-G}
shared uint largest[8];                                         // as bits
const uint KEY = 0, QUERY = 1, VALUE = 2, WRITES = 3, GIVES = 4, BASE = 5, LEFT_MOST = 6;

uint mine, lane, side; // side: of the columns
lte_vk_segment g;
uint thread, head, at_record;
uint first, rows; // row of the first token, how many there are
vec4 eights[2 * PER], value_eights[2 * PER_VALUE]; // of a slice that comes next
SUM alike[TILES * DOWN * WIDTH]; // keys and queries with keys
LEFT y_high[TILES * DOWN * DEEP], y_low[TILES * DOWN * DEEP];

#include "delta_triangle.glsl"

// The first row of the i-th cooperative matrix of a subgroup's tiles of rows.
uint row_of(uint i)
{
    return (mine % ROW_TILES + i / DOWN * SUBGROUPS) * 16 + i % DOWN * M;
}

float most_of(vec4 v, float most)
{
    v = abs(v);
    return max(most, max(max(v.x, v.y), max(v.z, v.w)));
}

void publish(uint what, float most)
{
    const uint bits = subgroupMax(floatBitsToUint(most));
    if (lane == 0)
        atomicMax(largest[what], bits);
}

float known_most(uint what)
{
    return uintBitsToFloat(largest[what]);
}

void put_eight(uint at, uint low, vec4 v, vec4 w)
{
    const vec4 hv = cut(v), hw = cut(w);
    part[at] = uvec4(pack(hv), pack(hw));
    part[at + low] = uvec4(pack(v - hv), pack(w - hw));
}

// A slice of keys and queries: its n-th eight is channels n % 4 * 8 of row n / 4.
void fetch(uint slice)
{
    const uint key = head / p.group * p.key_dim;
    [[unroll]] for (uint n = 0; n < PER; n++) {
        const uint i = n * THREADS + thread, c = slice * SLICE + i % 4 * 8;
        eights[2 * n] = row_four(first, rows, key, i / 4, c);
        eights[2 * n + 1] = row_four(first, rows, key, i / 4, c + 4);
    }
}

vec4 value_four(uint token, uint c)
{
    if (token >= rows || c >= p.value_dim)
        return vec4(0);
    return four((first + token) * p.stride + p.v_column + head * p.value_dim + c,
                p.value_dim - c);
}

void fetch_values(uint slice)
{
    [[unroll]] for (uint n = 0; n < PER_VALUE; n++) {
        const uint i = n * THREADS + thread, c = slice * SLICE + i % 4 * 8;
        value_eights[2 * n] = value_four(i / 4, c);
        value_eights[2 * n + 1] = value_four(i / 4, c + 4);
    }
}

void find_largest()
{
    float k_most = 0, q_most = 0, v_most = 0;
    [[unroll]] for (uint s = 0; s < SLICES; s++) {
        fetch(s);
        [[unroll]] for (uint n = 0; n < PER; n++) {
            const float most = most_of(eights[2 * n], most_of(eights[2 * n + 1], 0.0));
            if ((n * THREADS + thread) / 4 < CHUNK)
                k_most = max(k_most, most);
            else
                q_most = max(q_most, most);
        }
    }
    [[unroll]] for (uint s = 0; s < VALUE_SLICES; s++) {
        fetch_values(s);
        [[unroll]] for (uint n = 0; n < PER_VALUE; n++)
            v_most = most_of(value_eights[2 * n], most_of(value_eights[2 * n + 1], v_most));
    }
    publish(KEY, k_most);
    publish(QUERY, q_most);
    publish(VALUE, v_most);
}

// A slice of keys, transposed, to the record: a tile, or half of one, at a time.
void give_keys(uint slice, uint stage)
{
    for (uint i = mine; i < 16; i += SUBGROUPS) {
        const uint tokens = i % 4 * 16, keys = i / 4 % 2 * 16, low = i / 8;
        const uint to = at_record + KEYS_AT + low * HALF_TILE +
                        ((slice * 2 + i / 4 % 2) * DELTA_TILES + i % 4) * SPLIT_TILE;
        [[unroll]] for (uint m = 0; m < 16; m += M)
            [[unroll]] for (uint k = 0; k < 16; k += K) {
                LEFT x;
                const uint from = stage + low * LOW + (tokens + k) * PITCH + (keys + m) / 8;
                coopMatLoad(x, part, from, PITCH, COLUMN_MAJOR);
                coopMatStore(x, record, to + m * 2 + k / 8, 2, ROW_MAJOR);
            }
    }
}

// The column of a subgroup's n-th cooperative matrix of a row.
uint column_of(uint n)
{
    return (n / ACROSS * SIDES + side) * 16 + n % ACROSS * N;
}

// At channel k of a slice.
void compare_at(uint k, uint stage)
{
    LEFT high[TILES * DOWN], low[TILES * DOWN];
    [[unroll]] for (uint i = 0; i < TILES * DOWN; i++) {
        const uint from = stage + row_of(i) * PITCH + k / 8;
        coopMatLoad(high[i], part, from, PITCH, ROW_MAJOR);
        coopMatLoad(low[i], part, LOW + from, PITCH, ROW_MAJOR);
    }
    [[unroll]] for (uint n = 0; n < WIDTH; n++) {
        const uint from = stage + column_of(n) * PITCH + k / 8;
        RIGHT h, l;
        coopMatLoad(h, part, from, PITCH, COLUMN_MAJOR);
        coopMatLoad(l, part, LOW + from, PITCH, COLUMN_MAJOR);
        [[unroll]] for (uint i = 0; i < TILES * DOWN; i++)
            if (column_of(n) <= row_of(i) % CHUNK / 16 * 16 + 15) {
                SUM x = alike[i * WIDTH + n];
                x = coopMatMulAdd(low[i], h, x);
                x = coopMatMulAdd(high[i], l, x);
                alike[i * WIDTH + n] = coopMatMulAdd(high[i], h, x);
            }
    }
}

// K K^T, then Q K^T, up to the diagonal's tiles.
void compare()
{
    const float k_scale = power(known_most(KEY)), q_scale = power(known_most(QUERY));
    [[unroll]] for (uint i = 0; i < TILES * DOWN * WIDTH; i++)
        alike[i] = SUM(0.0);
    fetch(0);
    [[dont_unroll]] for (uint s = 0; s < SLICES; s++) {
        const uint stage = s % 2 * 2 * LOW;
        [[unroll]] for (uint n = 0; n < PER; n++) {
            const uint i = n * THREADS + thread, e = 2 * n;
            const float scale = i / 4 < CHUNK ? k_scale : q_scale;
            put_eight(stage + i / 4 * PITCH + i % 4, LOW, eights[e] * scale,
                      eights[e + 1] * scale);
        }
        barrier();
        fetch((s + 1) % SLICES); // then the first again
        [[unroll]] for (uint k = 0; k < SLICE; k += K)
            compare_at(k, stage);
        give_keys(s, stage);
    }
    barrier();
    [[unroll]] for (uint i = 0; i < TILES * DOWN; i++) {
        const float back = inverse(k_scale) * inverse(row_of(i) < CHUNK ? k_scale : q_scale);
        [[unroll]] for (uint n = 0; n < WIDTH; n++)
            coopMatStore(alike[i * WIDTH + n] * back, part,
                         row_of(i) * WIDE_PITCH + column_of(n) / 4, WIDE_PITCH, ROW_MAJOR);
    }
}

// Y where X and Mix were, by two rows and four columns.
void make_left()
{
    const uint FOURS = CHUNK / 4, UNITS = CHUNK / 2 * FOURS, EACH = (UNITS + THREADS - 1) / THREADS;
    vec4 writes[EACH * 2], gives[EACH * 2];
    float writes_most = 0, gives_most = 0;
    [[unroll]] for (uint n = 0; n < EACH; n++) {
        const uint unit = min(n * THREADS + thread, UNITS - 1), i = unit / FOURS * 2;
        const uint j = unit % FOURS * 4;
        const vec4 by = vec4(beta[j], beta[j + 1], beta[j + 2], beta[j + 3]);
        [[unroll]] for (uint e = 0; e < 2; e++) {
            writes[n * 2 + e] = j / 16 <= i / 16 ? four_at(i + e, j) * by * rest[i + e] : vec4(0);
            gives[n * 2 + e] = vec4(0);
        }
        for (uint k = j; k <= i; k += 4) {
            vec4 x[4];
            [[unroll]] for (uint e = 0; e < 4; e++)
                x[e] = four_at(k + e, j);
            [[unroll]] for (uint e = 0; e < 2; e++) {
                const vec4 mix = four_at(CHUNK + i + e, k);
                gives[n * 2 + e] += mix.x * x[0] + mix.y * x[1] + mix.z * x[2] + mix.w * x[3];
            }
        }
        [[unroll]] for (uint e = 0; e < 2; e++) {
            gives[n * 2 + e] *= by;
            writes_most = most_of(writes[n * 2 + e], writes_most);
            gives_most = most_of(gives[n * 2 + e], gives_most);
        }
    }
    publish(WRITES, writes_most);
    publish(GIVES, gives_most);
    barrier();
    const float writes_scale = power(known_most(WRITES)), gives_scale = power(known_most(GIVES));
    [[unroll]] for (uint n = 0; n < EACH; n++) {
        const uint unit = n * THREADS + thread, i = unit / FOURS * 2, j = unit % FOURS;
        if (unit >= UNITS || j / 4 > i / 16)
            continue;
        [[unroll]] for (uint e = 0; e < 2; e++) {
            const vec4 w = writes[n * 2 + e] * writes_scale, wh = cut(w);
            const vec4 o = gives[n * 2 + e] * gives_scale, oh = cut(o);
            const uint to = (i + e) * Y_PITCH + j / 2, of = to + CHUNK * Y_PITCH, h = j % 2 * 2;
            const uvec2 x[4] = {pack(wh), pack(w - wh), pack(oh), pack(o - oh)};
            [[unroll]] for (uint z = 0; z < 2; z++) {
                part[to][h + z] = x[0][z];
                part[Y_LOW + to][h + z] = x[1][z];
                part[of][h + z] = x[2][z];
                part[Y_LOW + of][h + z] = x[3][z];
            }
        }
    }
    barrier();
    [[unroll]] for (uint i = 0; i < TILES * DOWN; i++)
        [[unroll]] for (uint k = 0; k < DEEP; k++) {
            const uint from = row_of(i) * Y_PITCH + k * K / 8;
            if (k * K > row_of(i) % CHUNK / 16 * 16 + 15)
                continue;
            coopMatLoad(y_high[i * DEEP + k], part, from, Y_PITCH, ROW_MAJOR);
            coopMatLoad(y_low[i * DEEP + k], part, Y_LOW + from, Y_PITCH, ROW_MAJOR);
        }
    barrier();
}

// Rows of Y times a slice, columns from `column` on. No product waits for the one before it.
SUM times_slice(uint i, uint stage, uint column)
{
    const uint some = row_of(i) % CHUNK / 16 * 16 + 16;
    SUM sum = SUM(0.0), rest = SUM(0.0);
    [[unroll]] for (uint k = 0; k < DEEP; k++)
        if (k * K < some) {
            const uint from = stage + k * K * PITCH + column / 8;
            RIGHT h, l;
            coopMatLoad(h, part, from, PITCH, ROW_MAJOR);
            coopMatLoad(l, part, from + SLICE_LOW, PITCH, ROW_MAJOR);
            rest = coopMatMulAdd(y_low[i * DEEP + k], h, rest);
            sum = coopMatMulAdd(y_high[i * DEEP + k], h, sum);
            rest = coopMatMulAdd(y_high[i * DEEP + k], l, rest);
        }
    return sum + rest;
}

void put_keys(uint stage, float scale)
{
    [[unroll]] for (uint n = 0; n < PER; n++) {
        const uint i = n * THREADS + thread, row = i / 4, e = 2 * n;
        const float by = start[row % CHUNK];
        if (row < CHUNK) {
            put_eight(stage + row * PITCH + i % 4, SLICE_LOW, eights[e] * by * scale,
                      eights[e + 1] * by * scale);
        } else {
            const uint to = stage + SUMMAND + (row - CHUNK) * SUMMAND_PITCH + i % 4 * 2;
            part[to] = floatBitsToUint(eights[e] * -by);
            part[to + 1] = floatBitsToUint(eights[e + 1] * -by);
        }
    }
}

// L, of which bounds are known: `most`.
void give_left(vec2 y_back, vec2 most)
{
    const float k_scale = power(known_most(KEY));
    const vec2 back = y_back * inverse(k_scale), scale = vec2(power(most.x), power(most.y));
    float left_most = 0;
    [[dont_unroll]] for (uint s = 0; s < SLICES; s++) {
        const uint stage = s % 2 * STAGE;
        put_keys(stage, k_scale);
        barrier();
        if (s + 1 < SLICES)
            fetch(s + 1);
        else
            fetch_values(0);
        [[unroll]] for (uint i = 0; i < TILES * DOWN; i++)
            [[unroll]] for (uint n = 0; n < SLICE / N / SIDES; n++) {
                const uint row = row_of(i), column = column_of(n);
                const bool writes = row < CHUNK;
                SUM x = times_slice(i, stage, column) * (writes ? back.x : back.y);
                if (writes) {
                    left_most = largest_of(x, left_most);
                } else {
                    SUM query;
                    coopMatLoad(query, part,
                                stage + SUMMAND + (row - CHUNK) * SUMMAND_PITCH + column / 4,
                                SUMMAND_PITCH, ROW_MAJOR);
                    x = x + query;
                }
                HALF_SUM h, l;
                split(x * (writes ? scale.x : scale.y), h, l);
                const uint to = at_record + LEFT_AT + row % 16 * 2 + column % 16 / 8 +
                                (row / 16 * KEY_TILES + s * 2 + column / 16) * SPLIT_TILE;
                coopMatStore(h, record, to, 2, ROW_MAJOR);
                coopMatStore(l, record, to + HALF_TILE, 2, ROW_MAJOR);
            }
    }
    publish(LEFT_MOST, left_most);
}

void give_base(vec2 y_back)
{
    const float v_scale = power(known_most(VALUE));
    const vec2 back = y_back * inverse(v_scale);
    float base_most = 0;
    [[dont_unroll]] for (uint s = 0; s < VALUE_SLICES; s++) {
        const uint stage = (SLICES + s) % 2 * STAGE;
        [[unroll]] for (uint n = 0; n < PER_VALUE; n++) {
            const uint i = n * THREADS + thread, e = 2 * n;
            if (i < CHUNK * SLICE / 8)
                put_eight(stage + i / 4 * PITCH + i % 4, SLICE_LOW, value_eights[e] * v_scale,
                          value_eights[e + 1] * v_scale);
        }
        barrier();
        fetch_values(min(s + 1, VALUE_SLICES - 1));
        [[unroll]] for (uint i = 0; i < TILES * DOWN; i++)
            [[unroll]] for (uint n = 0; n < SLICE / N / SIDES; n++) {
                const uint row = row_of(i), column = column_of(n);
                const SUM x = times_slice(i, stage, column) * (row < CHUNK ? back.x : back.y);
                if (row < CHUNK)
                    base_most = largest_of(x, base_most);
                coopMatStore(x, record,
                             at_record + BASE_AT + row % 16 * 4 + column % 16 / 4 +
                                 (row / 16 * VALUE_TILES + s * 2 + column / 16) * TILE,
                             4, ROW_MAJOR);
            }
    }
    publish(BASE, base_most);
}

void main()
{
    mine = gl_SubgroupID;
    side = mine / ROW_TILES;
    lane = gl_SubgroupInvocationID;
    thread = mine * LANES + lane;
    head = gl_WorkGroupID.y;
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint token = (p.first + gl_WorkGroupID.x) * CHUNK;
    if (token >= g.rows)
        return;
    first = g.row + token;
    rows = min(CHUNK, g.rows - token);
    at_record = record_of(gl_WorkGroupID.z, head, gl_WorkGroupID.x);
    if (thread < 8)
        largest[thread] = 0;
    if (thread < CHUNK) {
        const uint from = (first + min(thread, rows - 1)) * p.gate_stride + head;
        a[thread] = thread < rows ? gate[from] : 0.0;
        beta[thread] = thread < rows ? gate[from + p.value_heads] : 0.0;
    }
    barrier();
    find_largest();
    find_decays();
    barrier();
    compare();
    barrier();
    decay();
    barrier();
    invert();
    make_left();
    const float key_most = known_most(KEY), query_most = known_most(QUERY);
    const vec2 y_most = vec2(known_most(WRITES), known_most(GIVES));
    const vec2 y_back = vec2(inverse(power(y_most.x)), inverse(power(y_most.y)));
    const vec2 most = float(CHUNK) * key_most * y_most + vec2(0, query_most);
    give_left(y_back, most);
    give_base(y_back);
    barrier();
    if (thread == 0) {
        record[at_record + KNOWN_AT] = floatBitsToUint(
            vec4(start[CHUNK - 1], inverse(power(most.x)), inverse(power(most.y)),
                 inverse(power(key_most))));
        record[at_record + KNOWN_AT + 1] = floatBitsToUint(
            vec4(known_most(BASE), float(KEYS) * known_most(LEFT_MOST), float(CHUNK) * key_most,
                 0));
    }
}
