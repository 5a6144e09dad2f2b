// SPDX-License-Identifier: BSD-2-Clause
// linear for few tokens: a workgroup takes ROWS rows of the weights and TOKENS tokens, and reads
// every weight once. A product's sum is formed in the same order whatever TOKENS and ROWS are: a
// token's result does not depend on those that share the step.
//
// It may do what its neighbours in the graph would (lib/fusion.h): NORMED, the inputs are those of
// the rmsnorm before it, whose root is taken out of the sum; FINISH, an add to its outputs, or swiglu
// of two matrices' outputs.
#define THREADS_CONSTANT 7
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 0;
layout(constant_id = 1) const uint TOKENS = 1;
layout(constant_id = 2) const bool WIDE = false; // columns are a multiple of 8
layout(constant_id = 3) const uint ROWS = 2;     // even
layout(constant_id = 4) const uint UNITS = 0;    // of 8 columns that a thread keeps; 0: it keeps none
layout(constant_id = 5) const bool NORMED = false;
layout(constant_id = 6) const uint FINISH = 0;   // LTE_FINISH_*

const uint SPAN = FINISH == LTE_FINISH_SWIGLU ? ROWS / 2 : ROWS; // rows of y
const uint SUMS = ROWS * TOKENS;
const uint KEPT = UNITS > 0 ? UNITS : 1;

layout(push_constant) uniform Params { lte_linear_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(binding = 1) readonly buffer W { uint w[]; };
layout(binding = 1) readonly buffer W4 { uvec4 w4[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
layout(binding = 4) readonly buffer Norm { float norm[]; };   // weights of rmsnorm
layout(binding = 4) readonly buffer Norm4 { vec4 norm4[]; };
layout(binding = 5) readonly buffer Addend { float addend[]; };
layout(binding = 6) readonly buffer Up { uint up[]; };        // of swiglu; w is its gate
layout(binding = 6) readonly buffer Up4 { uvec4 up4[]; };

float sum[SUMS], square[TOKENS]; // square: of a token's inputs
float scale[TOKENS];             // of the norm

// Of the ROWS rows of weights the r-th, where those of y begin at `row`.
bool of_up(uint r) { return r >= SPAN; }
uint weight_row(uint row, uint r) { return min(row + (of_up(r) ? r - SPAN : r), p.rows - 1); }

uint token_row(uint token, uint t) { return p.x_first + min(token + t, p.tokens - 1); }

uvec4 words(uint r, uint at) { return of_up(r) ? up4[at] : w4[at]; }

// Weights 8 unit .. 8 unit + 7 of a row: as they lie, and what they are.
void load(uint row, uint r, uint unit, out uvec4 low, out uvec4 high)
{
    const uint base = weight_row(row, r) * p.cols;
    low = words(r, TYPE == LTE_F32 ? base / 4 + 2 * unit : base / 8 + unit);
    high = TYPE == LTE_F32 ? words(r, base / 4 + 2 * unit + 1) : uvec4(0);
}

void widen(uvec4 low, uvec4 high, out vec4 a, out vec4 b)
{
    if (TYPE == LTE_F32) {
        a = uintBitsToFloat(low);
        b = uintBitsToFloat(high);
    } else {
        a = vec4(lte_widen(TYPE, low.x), lte_widen(TYPE, low.y));
        b = vec4(lte_widen(TYPE, low.z), lte_widen(TYPE, low.w));
    }
}

// Inputs 8 unit .. of a token, but for the norm's root.
void bring(uint token, uint t, uint unit, out vec4 a, out vec4 b)
{
    const uint at = token_row(token, t) * (p.x_stride / 4) + 2 * unit;
    a = x4[at];
    b = x4[at + 1];
    if (NORMED) {
        square[t] += dot(a, a) + dot(b, b);
        a *= norm4[2 * unit];
        b *= norm4[2 * unit + 1];
    }
}

void add_wide(uint row, uint token)
{
    for (uint unit = gl_LocalInvocationID.x; unit < p.cols / 8; unit += THREADS) {
        vec4 xa[TOKENS], xb[TOKENS];
        for (uint t = 0; t < TOKENS; t++)
            bring(token, t, unit, xa[t], xb[t]);
        for (uint r = 0; r < ROWS; r++) {
            uvec4 low, high;
            vec4 a, b;
            load(row, r, unit, low, high);
            widen(low, high, a, b);
            for (uint t = 0; t < TOKENS; t++)
                sum[r * TOKENS + t] += dot(a, xa[t]) + dot(b, xb[t]);
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
            if (NORMED) {
                square[t] += v * v;
                v *= norm[c];
            }
            for (uint r = 0; r < ROWS; r++)
                sum[r * TOKENS + t] += weight(row, r, c) * v;
        }
}

// Sums over the workgroup of sum[] for every turn, to be asked for by number; turns of one parity
// share memory. And the norms' scales.
#ifdef SUBGROUPS
const uint GROUPS = THREADS / 4; // subgroups have four threads at least
shared float partial[2 * SUMS * GROUPS];
shared float squares[TOKENS * GROUPS];

void reduce(uint turn)
{
    for (uint k = 0; k < SUMS; k++) {
        const float s = subgroupAdd(sum[k]);
        if (subgroupElect())
            partial[(turn % 2 * SUMS + k) * GROUPS + gl_SubgroupID] = s;
    }
    barrier();
}

float total(uint turn, uint k)
{
    float s = 0.0;
    for (uint g = 0; g < gl_NumSubgroups; g++)
        s += partial[(turn % 2 * SUMS + k) * GROUPS + g];
    return s;
}

void find_scales()
{
    for (uint t = 0; t < TOKENS; t++) {
        const float s = subgroupAdd(square[t]);
        if (subgroupElect())
            squares[t * GROUPS + gl_SubgroupID] = s;
    }
    barrier();
    for (uint t = 0; t < TOKENS; t++) {
        float s = 0.0;
        for (uint g = 0; g < gl_NumSubgroups; g++)
            s += squares[t * GROUPS + g];
        scale[t] = inversesqrt(s / float(p.cols) + p.eps);
    }
}
#else
shared float partial[SUMS * THREADS];

void reduce(uint turn)
{
    const uint i = gl_LocalInvocationID.x;
    barrier();
    for (uint k = 0; k < SUMS; k++)
        partial[k * THREADS + i] = sum[k];
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            for (uint k = 0; k < SUMS; k++)
                partial[k * THREADS + i] += partial[k * THREADS + i + n];
        barrier();
    }
}

float total(uint turn, uint k) { return partial[k * THREADS]; }

void find_scales()
{
    for (uint t = 0; t < TOKENS; t++)
        scale[t] = inversesqrt(lte_sum(square[t]) / float(p.cols) + p.eps);
}
#endif

// A thread finishes a number: row `r` of y for token `t` of the workgroup's.
void finish(uint turn, uint first_row, uint first_token, uint r, uint t)
{
    const uint row = first_row + r, token = first_token + t;
    if (row >= p.rows || token >= p.tokens)
        return;
    const uint at = (p.y_first + token) * p.y_stride + p.column + row;
    const float s = total(turn, r * TOKENS + t) * scale[t] +
                    (p.biased != 0 ? bias[p.bias_first + row] : 0.0);
    if (FINISH == LTE_FINISH_SWIGLU)
        y[at] = lte_silu(s) * (total(turn, (r + SPAN) * TOKENS + t) * scale[t]);
    else
        y[at] = FINISH == LTE_FINISH_ADD ? addend[at] + s : s;
}

void finish_all(uint turn, uint row, uint token)
{
    reduce(turn);
    for (uint i = gl_LocalInvocationID.x; i < SPAN * TOKENS; i += THREADS)
        finish(turn, row, token, i / TOKENS, i % TOKENS);
}

void clear()
{
    for (uint k = 0; k < SUMS; k++)
        sum[k] = 0.0;
}

// Inputs stay in registers for all rows that the workgroup takes, and the next rows' weights are on
// their way while these rows' sums are formed.
void keep_inputs(uint token)
{
    vec4 xa[KEPT * TOKENS], xb[KEPT * TOKENS];
    uvec4 low[KEPT * ROWS], high[KEPT * ROWS], next_low[KEPT * ROWS], next_high[KEPT * ROWS];
    const uint units = p.cols / 8, step = gl_NumWorkGroups.y * SPAN;
    uint row = gl_WorkGroupID.y * SPAN;
    for (uint u = 0; u < KEPT; u++) {
        const uint unit = gl_LocalInvocationID.x + u * THREADS;
        for (uint r = 0; r < ROWS; r++)
            load(row, r, min(unit, units - 1), next_low[u * ROWS + r], next_high[u * ROWS + r]);
        for (uint t = 0; t < TOKENS; t++) {
            const uint k = u * TOKENS + t;
            xa[k] = xb[k] = vec4(0.0);
            if (unit < units)
                bring(token, t, unit, xa[k], xb[k]);
        }
    }
    if (NORMED)
        find_scales();
    for (uint turn = 0; row < p.rows; turn++, row += step) {
        for (uint k = 0; k < KEPT * ROWS; k++) {
            low[k] = next_low[k];
            high[k] = next_high[k];
        }
        for (uint u = 0; row + step < p.rows && u < KEPT; u++)
            for (uint r = 0; r < ROWS; r++)
                load(row + step, r, min(gl_LocalInvocationID.x + u * THREADS, units - 1),
                     next_low[u * ROWS + r], next_high[u * ROWS + r]);
        clear();
        for (uint u = 0; u < KEPT; u++)
            for (uint r = 0; r < ROWS; r++) {
                vec4 a, b;
                widen(low[u * ROWS + r], high[u * ROWS + r], a, b);
                for (uint t = 0; t < TOKENS; t++)
                    sum[r * TOKENS + t] += dot(a, xa[u * TOKENS + t]) + dot(b, xb[u * TOKENS + t]);
            }
        finish_all(turn, row, token);
    }
}

void read_inputs(uint token)
{
    const uint step = gl_NumWorkGroups.y * SPAN;
    uint turn = 0;
    for (uint row = gl_WorkGroupID.y * SPAN; row < p.rows; row += step) {
        clear();
        for (uint t = 0; t < TOKENS; t++)
            square[t] = 0.0;
        if (WIDE)
            add_wide(row, token);
        else
            add_any(row, token);
        if (NORMED)
            find_scales();
        finish_all(turn++, row, token);
    }
}

void main()
{
    const uint token = gl_WorkGroupID.x * TOKENS;
    for (uint t = 0; t < TOKENS; t++) {
        square[t] = 0.0;
        scale[t] = 1.0;
    }
    if (UNITS > 0)
        keep_inputs(token);
    else
        read_inputs(token);
}
