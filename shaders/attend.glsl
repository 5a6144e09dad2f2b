// SPDX-License-Identifier: BSD-2-Clause
// attend of simd/attend.h. A workgroup has ROWS rows, which are HEADS query heads of one key head
// for some queries, and takes its share of the keys in tiles: products with all rows, running
// maxima, then the values. Shares that stay apart are written as unfinished sums, for another
// shader to join. A shader that includes this has bound `segment`, `q` and `o`; its p has segment,
// heads, group, rows, splits and scale.
layout(constant_id = 0) const uint DIM = 64;
layout(constant_id = 1) const uint ROWS = 16;
layout(constant_id = 2) const uint HEADS = 1;
layout(constant_id = 3) const uint TILE = 32;
layout(constant_id = 4) const uint TYPE = LTE_F32;
layout(constant_id = 5) const bool APART = false;

const uint PACKED = TYPE == LTE_F32 ? 1 : 2; // numbers of a word
const uint VECTORS = (DIM + 3) / 4;          // of a query; filled up with zeros
const uint STRIDE = 4 * VECTORS + 1;         // of a tile's rows: no two threads at one bank
const uint QUADS = (ROWS + 3) / 4;           // of rows
const uint STEP = THREADS / TILE, PAIRS = (ROWS + STEP - 1) / STEP;
const uint COLUMNS = (DIM + THREADS - 1) / THREADS;
const uint NEVER = 0xffffffffu;
const float LOWEST = -3.402823466e38;

shared vec4 query[ROWS * VECTORS];
shared float tile[TILE * STRIDE];
shared vec4 weight[TILE * QUADS];            // scores, then their exponentials
shared uvec2 seen[TILE];                     // queries [x, y) see the key
shared float high[4 * QUADS], fall[4 * QUADS]; // a row's maximum; by how much its sums shrink
shared uint useful[3];                       // whether a tile has a key that a query sees

vec4 sum[COLUMNS * QUADS];                   // of a thread's columns, for every row
float total, top = LOWEST;                   // of the row with the thread's number
lte_vk_segment g;
uint key_head, first_head, first, last;      // heads of the group, queries of the workgroup

// What the shader that includes this says: how many keys there are for the workgroup, or NEVER: its
// rows are no business of its; the queries [x, y) that see key i of these; PACKED numbers of a key,
// or of its value.
uint begin();
uvec2 visible(uint i);
vec2 load(uint i, uint d, bool values);

void load_tile(uint from, uint keys, bool values)
{
    for (uint e = gl_LocalInvocationID.x; e < TILE * DIM / PACKED; e += THREADS) {
        const uint n = e / (DIM / PACKED), d = e % (DIM / PACKED) * PACKED;
        const vec2 x = from + n < keys && seen[n].x < seen[n].y ? load(from + n, d, values) : vec2(0);
        tile[n * STRIDE + d] = x.x;
        if (PACKED == 2)
            tile[n * STRIDE + d + 1] = x.y;
    }
}

// Every row with every key of the tile. A thread has one key, and every STEP-th row.
void score_tile()
{
    const uint key = gl_LocalInvocationID.x % TILE, first_row = gl_LocalInvocationID.x / TILE;
    float x[PAIRS];
    for (uint n = 0; n < PAIRS; n++)
        x[n] = 0;
    for (uint d = 0; d < VECTORS; d++) {
        const uint at = key * STRIDE + 4 * d;
        const vec4 y = vec4(tile[at], tile[at + 1], tile[at + 2], tile[at + 3]);
        for (uint n = 0; n < PAIRS; n++)
            x[n] += dot(query[min(first_row + n * STEP, ROWS - 1) * VECTORS + d], y);
    }
    for (uint n = 0; n < PAIRS; n++) {
        const uint row = first_row + n * STEP;
        if (row < ROWS)
            weight[key * QUADS + row / 4][row % 4] = x[n];
    }
}

bool sees(uint row, uint key)
{
    const uint i = first + row / HEADS;
    return seen[key].x <= i && i < seen[key].y;
}

// The thread of a row finds how far its maximum rises.
void raise(uint row)
{
    float most = top;
    for (uint key = 0; key < TILE; key++)
        if (sees(row, key))
            most = max(most, weight[key * QUADS + row / 4][row % 4]);
    fall[row] = lte_exp(top - most);
    high[row] = top = most;
}

void weigh()
{
    for (uint e = gl_LocalInvocationID.x; e < 4 * QUADS * TILE; e += THREADS) {
        const uint key = e / (4 * QUADS), row = e % (4 * QUADS), at = e / 4;
        weight[at][row % 4] =
            row < ROWS && sees(row, key) ? lte_exp(weight[at][row % 4] - high[row]) : 0.0;
    }
}

void add_values()
{
    for (uint c = 0; c < COLUMNS; c++) {
        const uint d = gl_LocalInvocationID.x + c * THREADS;
        for (uint n = 0; n < QUADS; n++)
            sum[c * QUADS + n] *= vec4(fall[4 * n], fall[4 * n + 1], fall[4 * n + 2], fall[4 * n + 3]);
        for (uint key = 0; d < DIM && key < TILE; key++) {
            const float x = tile[key * STRIDE + d];
            for (uint n = 0; n < QUADS; n++)
                sum[c * QUADS + n] += weight[key * QUADS + n] * x;
        }
    }
    const uint row = gl_LocalInvocationID.x;
    if (row >= ROWS)
        return;
    total *= fall[row];
    for (uint key = 0; key < TILE; key++)
        total += weight[key * QUADS + row / 4][row % 4];
}

void take_tile(uint n, uint keys)
{
    const uint i = gl_LocalInvocationID.x, from = n * TILE;
    barrier();
    if (i == 0)
        useful[(n + 1) % 3] = 0;
    if (i < TILE) {
        seen[i] = from + i < keys ? visible(from + i) : uvec2(NEVER, 0);
        if (seen[i].x <= last && first < seen[i].y)
            useful[n % 3] = 1;
    }
    barrier();
    if (useful[n % 3] == 0)
        return;
    load_tile(from, keys, false);
    barrier();
    score_tile();
    barrier();
    if (i < ROWS)
        raise(i);
    load_tile(from, keys, true);
    barrier();
    weigh();
    barrier();
    add_values();
}

void load_queries()
{
    for (uint e = gl_LocalInvocationID.x; e < TILE * STRIDE; e += THREADS)
        tile[e] = 0;
    for (uint e = gl_LocalInvocationID.x; e < ROWS * 4 * VECTORS; e += THREADS) {
        const uint row = e / (4 * VECTORS), d = e % (4 * VECTORS), i = min(first + row / HEADS, last);
        const uint h = min(first_head + row % HEADS, p.group - 1);
        const uint at = ((g.row + i) * p.heads * p.group + key_head * p.group + h) * DIM + d;
        query[e / 4][d % 4] = d < DIM ? p.scale * q[at] : 0.0;
    }
}

// Shares of a row lie together: DIM sums, then the maximum and the total.
void finish(uint share)
{
    const uint row = gl_LocalInvocationID.x;
    barrier();
    if (row < ROWS) {
        high[row] = top;
        fall[row] = total;
    }
    barrier();
    for (uint r = 0; r < ROWS; r++) {
        const uint i = first + r / HEADS, h = first_head + r % HEADS;
        const uint heads = p.heads * p.group, head = key_head * p.group + h;
        if (i > last || h >= p.group)
            continue;
        const uint at = !APART ? ((g.row + i) * heads + head) * DIM
            : (((gl_WorkGroupID.z * p.rows + i) * heads + head) * p.splits + share) * (DIM + 2);
        for (uint c = 0; c < COLUMNS; c++) {
            const uint d = gl_LocalInvocationID.x + c * THREADS;
            const float x = sum[c * QUADS + r / 4][r % 4];
            if (d < DIM)
                o[at + d] = APART ? x : fall[r] == 0.0 ? 0.0 : x / fall[r];
        }
        if (APART && row == 0) {
            o[at + DIM] = high[r];
            o[at + DIM + 1] = fall[r];
        }
    }
}

void main()
{
    const uint parts = (p.group + HEADS - 1) / HEADS, share = gl_WorkGroupID.x % p.splits;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y / parts;
    first_head = gl_WorkGroupID.y % parts * HEADS;
    first = gl_WorkGroupID.x / p.splits * (ROWS / HEADS);
    last = min(first + ROWS / HEADS, g.rows) - 1;
    if (first >= g.rows)
        return;
    const uint keys = begin(), tiles = (keys + TILE - 1) / TILE;
    if (keys == NEVER)
        return;
    for (uint i = 0; i < COLUMNS * QUADS; i++)
        sum[i] = vec4(0);
    if (gl_LocalInvocationID.x < 4 * QUADS)
        fall[gl_LocalInvocationID.x] = 0; // also of rows that only fill a quad
    total = 0;
    if (gl_LocalInvocationID.x < 3)
        useful[gl_LocalInvocationID.x] = 0;
    load_queries();
    for (uint n = tiles * share / p.splits; n < tiles * (share + 1) / p.splits; n++)
        take_tile(n, keys);
    finish(share);
}
