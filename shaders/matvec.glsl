// SPDX-License-Identifier: BSD-2-Clause
// linear for few tokens: a workgroup takes ROWS rows of the weights and TOKENS tokens, and reads
// every weight once. A product's sum is formed in the same order whatever TOKENS is: a token's
// result does not depend on those that share the step.
#define THREADS 128
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 0;
layout(constant_id = 1) const uint TOKENS = 1;
layout(constant_id = 2) const bool WIDE = false; // columns are a multiple of 8

const uint ROWS = 4;

layout(push_constant) uniform Params { lte_linear_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(binding = 1) readonly buffer W { uint w[]; };
layout(binding = 1) readonly buffer W4 { uvec4 w4[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

float sum[ROWS * TOKENS];

#ifdef SUBGROUPS
shared float partial[THREADS][ROWS * TOKENS];
#else
shared float partial[ROWS * TOKENS][THREADS];
#endif

// Weights 8 unit .. 8 unit + 7 of the row that begins at weight `base`.
void load(uint base, uint unit, out vec4 a, out vec4 b)
{
    if (TYPE == LTE_F32) {
        a = uintBitsToFloat(w4[base / 4 + 2 * unit]);
        b = uintBitsToFloat(w4[base / 4 + 2 * unit + 1]);
    } else {
        const uvec4 words = w4[base / 8 + unit];
        a = vec4(lte_widen(TYPE, words.x), lte_widen(TYPE, words.y));
        b = vec4(lte_widen(TYPE, words.z), lte_widen(TYPE, words.w));
    }
}

void add_wide(uint row, uint token)
{
    for (uint unit = gl_LocalInvocationID.x; unit < p.cols / 8; unit += THREADS) {
        vec4 xa[TOKENS], xb[TOKENS];
        for (uint t = 0; t < TOKENS; t++) {
            const uint at = (p.x_first + min(token + t, p.tokens - 1)) * (p.x_stride / 4) + 2 * unit;
            xa[t] = x4[at];
            xb[t] = x4[at + 1];
        }
        for (uint r = 0; r < ROWS; r++) {
            vec4 a, b;
            load(min(row + r, p.rows - 1) * p.cols, unit, a, b);
            for (uint t = 0; t < TOKENS; t++)
                sum[r * TOKENS + t] += dot(a, xa[t]) + dot(b, xb[t]);
        }
    }
}

void add_any(uint row, uint token)
{
    for (uint c = gl_LocalInvocationID.x; c < p.cols; c += THREADS)
        for (uint r = 0; r < ROWS; r++) {
            const uint i = min(row + r, p.rows - 1) * p.cols + c;
            const float weight = TYPE == LTE_F32 ? uintBitsToFloat(w[i])
                                                 : lte_widen(TYPE, w[i >> 1])[i & 1u];
            for (uint t = 0; t < TOKENS; t++)
                sum[r * TOKENS + t] +=
                    weight * x[(p.x_first + min(token + t, p.tokens - 1)) * p.x_stride + c];
        }
}

// The sum of every thread's sum[i] in partial: of thread i, if there is one.
float total(uint i)
{
    float s = 0;
#ifdef SUBGROUPS
    for (uint g = 0; g < gl_NumSubgroups; g++)
        s += partial[g][i];
#else
    s = partial[i][0];
#endif
    return s;
}

void reduce()
{
    const uint i = gl_LocalInvocationID.x;
#ifdef SUBGROUPS
    for (uint k = 0; k < ROWS * TOKENS; k++) {
        const float s = subgroupAdd(sum[k]);
        if (subgroupElect())
            partial[gl_SubgroupID][k] = s;
    }
    barrier();
#else
    for (uint k = 0; k < ROWS * TOKENS; k++)
        partial[k][i] = sum[k];
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            for (uint k = 0; k < ROWS * TOKENS; k++)
                partial[k][i] += partial[k][i + n];
        barrier();
    }
#endif
}

void main()
{
    const uint row = gl_WorkGroupID.x * ROWS, token = gl_WorkGroupID.y * TOKENS;
    for (uint k = 0; k < ROWS * TOKENS; k++)
        sum[k] = 0.0;
    if (WIDE)
        add_wide(row, token);
    else
        add_any(row, token);
    reduce();
    const uint i = gl_LocalInvocationID.x, r = row + i / TOKENS, t = token + i % TOKENS;
    if (i < ROWS * TOKENS && r < p.rows && t < p.tokens)
        y[(p.y_first + t) * p.y_stride + p.column + r] =
            total(i) + (p.biased != 0 ? bias[p.bias_first + r] : 0.0);
}
