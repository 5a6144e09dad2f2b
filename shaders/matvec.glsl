// SPDX-License-Identifier: BSD-2-Clause
// linear for few tokens: a workgroup takes ROWS rows of the weights and TOKENS tokens, and reads
// every weight once. A product's sum is formed in the same order whatever TOKENS and ROWS are: a
// token's result does not depend on those that share the step.
//
// It may do what its neighbours in the graph would (lib/fusion.h): NORM, the inputs are those of a
// norm before it, whose root is taken out of the sum; FINISH, an add to its outputs, or swiglu of
// two matrices' outputs.
#define THREADS_CONSTANT 7
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif
#ifdef FOLDS
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 0;
layout(constant_id = 1) const uint TOKENS = 1;
layout(constant_id = 2) const bool WIDE = false; // columns are a multiple of 8
layout(constant_id = 3) const uint ROWS = 2;     // even
layout(constant_id = 4) const uint UNITS = 0;    // that a thread keeps; 0: it keeps none
layout(constant_id = 5) const uint NORM = 0;     // LTE_NORM_*
layout(constant_id = 6) const uint FINISH = 0;   // LTE_FINISH_*
layout(constant_id = 8) const uint SUBGROUP = 32; // FOLDS: threads of a subgroup, all there

const uint EACH = TYPE == LTE_F32 ? 4 : 8;       // columns of a unit, 16 bytes of weights
const uint SPAN = FINISH == LTE_FINISH_SWIGLU ? ROWS / 2 : ROWS; // rows of y
const uint SUMS = ROWS * TOKENS;
const uint KEPT = UNITS > 0 ? UNITS : 1;
const uint BATCH = 16; // parts of a square, on their way together

layout(push_constant) uniform Params { lte_linear_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(binding = 1) readonly buffer W { uint w[]; };
layout(binding = 1) readonly buffer W4 { uvec4 w4[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
layout(binding = 4) readonly buffer Norm { float norm[]; };   // weights, or squares
layout(binding = 4) readonly buffer Norm4 { vec4 norm4[]; };
layout(binding = 5) readonly buffer Addend { float addend[]; };
layout(binding = 6) readonly buffer Up { uint up[]; };        // of swiglu; w is its gate
layout(binding = 6) readonly buffer Up4 { uvec4 up4[]; };

float sum[SUMS], square[TOKENS]; // square: of a token's inputs
float start;                     // what is added to the product that the thread finishes first
shared float root[NORM == LTE_NORM_VECTORS ? TOKENS * LTE_NORM_MOST : 1];

// Of the ROWS rows of weights the r-th, where those of y begin at `row`.
bool of_up(uint r) { return r >= SPAN; }
uint weight_row(uint row, uint r) { return min(row + (of_up(r) ? r - SPAN : r), p.rows - 1); }

uint token_row(uint token, uint t) { return p.x_first + min(token + t, p.tokens - 1); }

uvec4 load(uint row, uint r, uint unit)
{
    const uint at = weight_row(row, r) * (p.cols / EACH) + unit;
    return of_up(r) ? up4[at] : w4[at];
}

// What weights are, in full: eight, or four and nothing.
void widen(uvec4 weights, out vec4 a, out vec4 b)
{
    b = vec4(0.0);
    if (TYPE == LTE_F32) {
        a = uintBitsToFloat(weights);
    } else {
        a = vec4(lte_widen(TYPE, weights.x), lte_widen(TYPE, weights.y));
        b = vec4(lte_widen(TYPE, weights.z), lte_widen(TYPE, weights.w));
    }
}

// s + a . c + b . d. Every step is written out, so that every pipeline rounds alike.
float weigh(vec4 a, vec4 b, vec4 c, vec4 d, float s)
{
    s = fma(a.w, c.w, fma(a.z, c.z, fma(a.y, c.y, fma(a.x, c.x, s))));
    return EACH > 4 ? fma(b.w, d.w, fma(b.z, d.z, fma(b.y, d.y, fma(b.x, d.x, s)))) : s;
}

// Inputs of a unit, but for the root of a row's norm.
void bring(uint token, uint t, uint unit, out vec4 a, out vec4 b)
{
    const uint at = token_row(token, t) * (p.x_stride / 4) + EACH / 4 * unit;
    a = x4[at];
    b = EACH > 4 ? x4[at + 1] : vec4(0.0);
    if (NORM == LTE_NORM_ROWS) {
        square[t] = weigh(a, b, a, b, square[t]);
        a *= norm4[EACH / 4 * unit];
        b *= EACH > 4 ? norm4[EACH / 4 * unit + 1] : vec4(0.0);
    }
    if (NORM == LTE_NORM_VECTORS) {
        const float by = root[t * LTE_NORM_MOST + EACH * unit / p.width];
        a *= by;
        b *= by;
    }
}

void add_wide(uint row, uint token)
{
    const uint units = p.cols / EACH;
    for (uint unit = gl_LocalInvocationID.x; unit < units; unit += THREADS) {
        vec4 a[ROWS], b[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; r++)
            widen(load(row, r, unit), a[r], b[r]);
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            vec4 c, d;
            bring(token, t, unit, c, d);
            [[unroll]] for (uint r = 0; r < ROWS; r++)
                sum[r * TOKENS + t] = weigh(a[r], b[r], c, d, sum[r * TOKENS + t]);
        }
    }
}

float weight(uint row, uint r, uint c)
{
    const uint i = weight_row(row, r) * p.cols + c;
    const uint word = of_up(r) ? up[TYPE == LTE_F32 ? i : i >> 1] : w[TYPE == LTE_F32 ? i : i >> 1];
    return TYPE == LTE_F32 ? uintBitsToFloat(word) : lte_widen(TYPE, word)[i & 1u];
}

void add_any(uint row, uint token)
{
    for (uint c = gl_LocalInvocationID.x; c < p.cols; c += THREADS)
        for (uint t = 0; t < TOKENS; t++) {
            float v = x[token_row(token, t) * p.x_stride + c];
            if (NORM == LTE_NORM_ROWS) {
                square[t] = fma(v, v, square[t]);
                v *= norm[c];
            }
            if (NORM == LTE_NORM_VECTORS)
                v *= root[t * LTE_NORM_MOST + c / p.width];
            for (uint r = 0; r < ROWS; r++)
                sum[r * TOKENS + t] = fma(weight(row, r, c), v, sum[r * TOKENS + t]);
        }
}

// Sums over the workgroup of sum[] for every turn, and of square[] in the first, to be asked for by
// number; turns of one parity share memory.
#ifdef SUBGROUPS
#ifdef FOLDS
const uint GROUPS = THREADS / SUBGROUP;
#else
const uint GROUPS = THREADS / 4; // subgroups have four threads at least
#endif
shared float partial[2 * SUMS * GROUPS];
shared float squares[TOKENS * GROUPS];

#ifdef FOLDS
// Many sums at once: of N numbers a lane keeps the half that is its own, and adds to it that of the
// lane whose number differs in one bit.
#define FOLD(BIT, N) \
    if ((BIT) > 0 && (N) > 1) { \
        const bool upper = (gl_SubgroupInvocationID & (BIT)) != 0; \
        [[unroll]] for (uint i = 0; i < (N) / 2; i++) { \
            const float own = upper ? sum[i + (N) / 2] : sum[i]; \
            const float other = upper ? sum[i] : sum[i + (N) / 2]; \
            sum[i] = own + subgroupShuffleXor(other, BIT); \
        } \
    } else if ((BIT) > 0) { \
        sum[0] += subgroupShuffleXor(sum[0], BIT); \
    }

void add_lanes(uint turn)
{
    FOLD(SUBGROUP / 2, SUMS)
    FOLD(SUBGROUP / 4, SUMS / 2)
    FOLD(SUBGROUP / 8, SUMS / 4)
    FOLD(SUBGROUP / 16, SUMS / 8)
    FOLD(SUBGROUP / 32, SUMS / 16)
    FOLD(SUBGROUP / 64, SUMS / 32)
    FOLD(SUBGROUP / 128, SUMS / 64)
    const uint left = SUMS > SUBGROUP ? SUMS / SUBGROUP : 1;   // of a lane
    const uint lanes = SUBGROUP > SUMS ? SUBGROUP / SUMS : 1; // with the same
    const uint k = turn % 2 * SUMS + gl_SubgroupInvocationID / lanes * left;
    if (gl_SubgroupInvocationID % lanes == 0)
        [[unroll]] for (uint i = 0; i < left; i++)
            partial[(k + i) * GROUPS + gl_SubgroupID] = sum[i];
}
#else
void add_lanes(uint turn)
{
    [[unroll]] for (uint k = 0; k < SUMS; k++) {
        const float s = subgroupAdd(sum[k]);
        if (subgroupElect())
            partial[(turn % 2 * SUMS + k) * GROUPS + gl_SubgroupID] = s;
    }
}
#endif

void reduce(uint turn)
{
    add_lanes(turn);
    if (NORM == LTE_NORM_ROWS && turn == 0) {
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            const float s = subgroupAdd(square[t]);
            if (subgroupElect())
                squares[t * GROUPS + gl_SubgroupID] = s;
        }
    }
    barrier();
}

#ifdef FOLDS
#define EVERY_GROUP [[unroll]] for (uint g = 0; g < GROUPS; g++)
#else
#define EVERY_GROUP for (uint g = 0; g < gl_NumSubgroups; g++)
#endif

float total(uint turn, uint k)
{
    float s = 0.0;
    EVERY_GROUP
        s += partial[(turn % 2 * SUMS + k) * GROUPS + g];
    return s;
}

float total_square(uint t)
{
    float s = 0.0;
    EVERY_GROUP
        s += squares[t * GROUPS + g];
    return s;
}
#else
shared float partial[SUMS * THREADS];
shared float squares[TOKENS];

void reduce(uint turn)
{
    const uint i = gl_LocalInvocationID.x;
    if (NORM == LTE_NORM_ROWS && turn == 0)
        [[unroll]] for (uint t = 0; t < TOKENS; t++) {
            const float s = lte_sum(square[t]);
            if (i == 0)
                squares[t] = s;
        }
    barrier();
    [[unroll]] for (uint k = 0; k < SUMS; k++)
        partial[k * THREADS + i] = sum[k];
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            [[unroll]] for (uint k = 0; k < SUMS; k++)
                partial[k * THREADS + i] += partial[k * THREADS + i + n];
        barrier();
    }
}

float total(uint turn, uint k) { return partial[k * THREADS]; }
float total_square(uint t) { return squares[t]; }
#endif

// Where the i-th number of a turn goes: row i / TOKENS of y for the workgroup's token i % TOKENS.
uint place(uint i, uint row, uint token)
{
    return (p.y_first + token + i % TOKENS) * p.y_stride + p.column + row + i / TOKENS;
}

bool inside(uint i, uint row, uint token)
{
    return i < SPAN * TOKENS && row + i / TOKENS < p.rows && token + i % TOKENS < p.tokens;
}

// Early, that nobody waits for it later.
float find_start(uint i, uint row, uint token)
{
    float s = 0.0;
    if (FINISH == LTE_FINISH_ADD && inside(i, row, token))
        s = addend[place(i, row, token)];
    return s;
}

void finish(uint turn, uint i, uint row, uint token)
{
    const float scale = NORM == LTE_NORM_ROWS
                            ? inversesqrt(total_square(i % TOKENS) / float(p.cols) + p.eps)
                            : 1.0;
    const float from = i < THREADS ? start : find_start(i, row, token);
    const float more = p.biased != 0 ? bias[p.bias_first + row + i / TOKENS] : 0.0;
    const float s = fma(total(turn, i), scale, from + more);
    y[place(i, row, token)] = FINISH == LTE_FINISH_SWIGLU
                                  ? lte_silu(s) * (total(turn, i + SPAN * TOKENS) * scale)
                                  : s;
}

void finish_all(uint turn, uint row, uint token)
{
    reduce(turn);
    for (uint i = gl_LocalInvocationID.x; i < SPAN * TOKENS; i += THREADS)
        if (inside(i, row, token))
            finish(turn, i, row, token);
}

void clear()
{
    for (uint k = 0; k < SUMS; k++)
        sum[k] = 0.0;
}

// Of the vectors that tokens consist of.
void find_roots(uint token)
{
    const uint vectors = p.cols / p.width;
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * vectors; i += THREADS) {
        const uint at = (token_row(token, i / vectors) * vectors + i % vectors) * p.blocks;
        float s = 0.0;
        for (uint from = 0; from < p.blocks; from += BATCH) {
            float part[BATCH];
            for (uint n = 0; n < BATCH; n++)
                part[n] = norm[at + min(from + n, p.blocks - 1)];
            for (uint n = 0; n < BATCH; n++)
                s += from + n < p.blocks ? part[n] : 0.0;
        }
        root[i / vectors * LTE_NORM_MOST + i % vectors] = inversesqrt(s / float(p.width) + p.eps);
    }
    barrier();
}

// Inputs stay in registers for all rows that the workgroup takes, and the next rows' weights are on
// their way while these rows' sums are formed.
void keep_inputs(uint token)
{
    vec4 xa[KEPT * TOKENS], xb[KEPT * TOKENS];
    uvec4 weights[KEPT * ROWS], next[KEPT * ROWS];
    const uint i = gl_LocalInvocationID.x, units = p.cols / EACH, step = gl_NumWorkGroups.y * SPAN;
    uint row = gl_WorkGroupID.y * SPAN;
    for (uint u = 0; u < KEPT; u++)
        for (uint r = 0; r < ROWS; r++)
            next[u * ROWS + r] = load(row, r, min(i + u * THREADS, units - 1));
    if (NORM == LTE_NORM_VECTORS)
        find_roots(token);
    for (uint u = 0; u < KEPT; u++)
        for (uint t = 0; t < TOKENS; t++) {
            const uint k = u * TOKENS + t;
            xa[k] = xb[k] = vec4(0.0);
            if (i + u * THREADS < units)
                bring(token, t, i + u * THREADS, xa[k], xb[k]);
        }
    for (uint turn = 0; row < p.rows; turn++, row += step) {
        for (uint k = 0; k < KEPT * ROWS; k++)
            weights[k] = next[k];
        for (uint u = 0; row + step < p.rows && u < KEPT; u++)
            for (uint r = 0; r < ROWS; r++)
                next[u * ROWS + r] = load(row + step, r, min(i + u * THREADS, units - 1));
        clear();
        start = find_start(i, row, token);
        for (uint u = 0; u < KEPT; u++)
            for (uint r = 0; r < ROWS; r++) {
                vec4 a, b;
                widen(weights[u * ROWS + r], a, b);
                for (uint t = 0; t < TOKENS; t++) {
                    const uint k = u * TOKENS + t;
                    sum[r * TOKENS + t] = weigh(a, b, xa[k], xb[k], sum[r * TOKENS + t]);
                }
            }
        finish_all(turn, row, token);
    }
}

void read_inputs(uint token)
{
    const uint step = gl_NumWorkGroups.y * SPAN;
    uint turn = 0;
    if (NORM == LTE_NORM_VECTORS)
        find_roots(token);
    for (uint row = gl_WorkGroupID.y * SPAN; row < p.rows; row += step) {
        start = find_start(gl_LocalInvocationID.x, row, token);
        clear();
        for (uint t = 0; t < TOKENS; t++)
            square[t] = 0.0;
        if (WIDE)
            add_wide(row, token);
        else
            add_any(row, token);
        finish_all(turn++, row, token);
    }
}

void main()
{
    const uint token = gl_WorkGroupID.x * TOKENS;
    for (uint t = 0; t < TOKENS; t++)
        square[t] = 0.0;
    if (UNITS > 0)
        keep_inputs(token);
    else
        read_inputs(token);
}
