// SPDX-License-Identifier: BSD-2-Clause
// linear for few tokens: a workgroup takes ROWS rows of the weights and TOKENS tokens, and reads
// every weight once. A product's sum is formed in the same order whatever TOKENS and ROWS are: a
// token's result does not depend on those that share the step.
//
// It may do what its neighbours in the graph would (lib/fusion.h): NORMED, the inputs are those of
// the rmsnorm before it, whose root is taken out of the sum; FINISH, an add to its outputs, or swiglu
// of two matrices' outputs.
#define THREADS 128
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
layout(constant_id = 3) const uint ROWS = 4;     // even; ROWS * TOKENS is no more than THREADS
layout(constant_id = 4) const uint AHEAD = 1;    // units of 8 columns whose loads are on their way
layout(constant_id = 5) const bool NORMED = false;
layout(constant_id = 6) const uint FINISH = 0;   // LTE_FINISH_*

const uint SPAN = FINISH == LTE_FINISH_SWIGLU ? ROWS / 2 : ROWS; // rows of y
const uint SUMS = ROWS * TOKENS;

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

void add_unit(uint token, uint unit, uvec4 low[ROWS], uvec4 high[ROWS])
{
    vec4 xa[TOKENS], xb[TOKENS];
    for (uint t = 0; t < TOKENS; t++) {
        const uint at = token_row(token, t) * (p.x_stride / 4) + 2 * unit;
        xa[t] = x4[at];
        xb[t] = x4[at + 1];
        if (NORMED) {
            square[t] += dot(xa[t], xa[t]) + dot(xb[t], xb[t]);
            xa[t] *= norm4[2 * unit];
            xb[t] *= norm4[2 * unit + 1];
        }
    }
    for (uint r = 0; r < ROWS; r++) {
        vec4 a, b;
        widen(low[r], high[r], a, b);
        for (uint t = 0; t < TOKENS; t++)
            sum[r * TOKENS + t] += dot(a, xa[t]) + dot(b, xb[t]);
    }
}

void add_wide(uint row, uint token)
{
    const uint units = p.cols / 8;
    for (uint first = gl_LocalInvocationID.x; first < units; first += AHEAD * THREADS) {
        uvec4 low[AHEAD][ROWS], high[AHEAD][ROWS];
        for (uint n = 0; n < AHEAD; n++)
            for (uint r = 0; r < ROWS; r++)
                load(row, r, min(first + n * THREADS, units - 1), low[n][r], high[n][r]);
        for (uint n = 0; n < AHEAD; n++)
            if (first + n * THREADS < units)
                add_unit(token, first + n * THREADS, low[n], high[n]);
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

// Sums over the workgroup of sum[], and before them of square[]: to be asked for by number.
#ifdef SUBGROUPS
shared float partial[SUMS + TOKENS][THREADS / 4]; // subgroups have four threads at least

void reduce()
{
    for (uint k = 0; k < SUMS + TOKENS; k++) {
        if (k >= SUMS && !NORMED)
            break;
        const float s = subgroupAdd(k < SUMS ? sum[k % SUMS] : square[k % TOKENS]);
        if (subgroupElect())
            partial[k][gl_SubgroupID] = s;
    }
    barrier();
}

float total(uint k)
{
    float s = 0.0;
    for (uint g = 0; g < gl_NumSubgroups; g++)
        s += partial[k][g];
    return s;
}

float total_square(uint t) { return total(SUMS + t); }
#else
shared float partial[SUMS][THREADS];
shared float squares[TOKENS];

void reduce()
{
    const uint i = gl_LocalInvocationID.x;
    for (uint t = 0; NORMED && t < TOKENS; t++) {
        const float s = lte_sum(square[t]);
        if (i == 0)
            squares[t] = s;
    }
    for (uint k = 0; k < SUMS; k++)
        partial[k][i] = sum[k];
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            for (uint k = 0; k < SUMS; k++)
                partial[k][i] += partial[k][i + n];
        barrier();
    }
}

float total(uint k) { return partial[k][0]; }
float total_square(uint t) { return squares[t]; }
#endif

// A thread finishes a number: row `r` of y for token `t` of the workgroup's.
void finish(uint first_row, uint first_token, uint r, uint t)
{
    const uint row = first_row + r, token = first_token + t;
    if (row >= p.rows || token >= p.tokens)
        return;
    const uint at = (p.y_first + token) * p.y_stride + p.column + row;
    const float scale = NORMED ? inversesqrt(total_square(t) / float(p.cols) + p.eps) : 1.0;
    const float s = total(r * TOKENS + t) * scale + (p.biased != 0 ? bias[p.bias_first + row] : 0.0);
    if (FINISH == LTE_FINISH_SWIGLU)
        y[at] = lte_silu(s) * (total((r + SPAN) * TOKENS + t) * scale);
    else
        y[at] = FINISH == LTE_FINISH_ADD ? addend[at] + s : s;
}

void main()
{
    const uint row = gl_WorkGroupID.x * SPAN, token = gl_WorkGroupID.y * TOKENS;
    for (uint k = 0; k < SUMS; k++)
        sum[k] = 0.0;
    for (uint t = 0; t < TOKENS; t++)
        square[t] = 0.0;
    if (WIDE)
        add_wide(row, token);
    else
        add_any(row, token);
    reduce();
    const uint i = gl_LocalInvocationID.x;
    if (i < SPAN * TOKENS)
        finish(row, token, i / TOKENS, i % TOKENS);
}
