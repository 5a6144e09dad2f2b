#version 450
// SPDX-License-Identifier: BSD-2-Clause
// linear for many tokens: a workgroup a tile of 64 tokens by 64 rows of the weights, 16 columns of
// both at a time in shared memory, 4 x 4 sums a thread.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 0;
layout(constant_id = 2) const bool WIDE = false; // columns are a multiple of 8

const uint TILE = 64, DEPTH = 16;

layout(push_constant) uniform Params { lte_linear_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(binding = 1) readonly buffer W { uint w[]; };
layout(binding = 1) readonly buffer W2 { uvec2 w2[]; };
layout(binding = 1) readonly buffer W4 { uvec4 w4[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

shared vec4 xs[DEPTH][TILE / 4], ws[DEPTH][TILE / 4];

// Weights row * cols + c .. + 3; zero beyond the columns.
vec4 weights(uint row, uint c)
{
    const uint i = row * p.cols + c;
    vec4 v = vec4(0.0);
    if (row >= p.rows || c >= p.cols)
        return v;
    if (WIDE) {
        if (TYPE == LTE_F32)
            return uintBitsToFloat(w4[i / 4]);
        const uvec2 words = w2[i / 4];
        return vec4(lte_widen(TYPE, words.x), lte_widen(TYPE, words.y));
    }
    for (uint k = 0; k < 4 && c + k < p.cols; k++)
        v[k] = TYPE == LTE_F32 ? uintBitsToFloat(w[i + k])
                               : lte_widen(TYPE, w[i + k >> 1])[i + k & 1u];
    return v;
}

vec4 inputs(uint token, uint c)
{
    const uint i = (p.x_first + token) * p.x_stride + c;
    vec4 v = vec4(0.0);
    if (token >= p.tokens || c >= p.cols)
        return v;
    if (WIDE)
        return x4[i / 4];
    for (uint k = 0; k < 4 && c + k < p.cols; k++)
        v[k] = x[i + k];
    return v;
}

void main()
{
    const uint i = gl_LocalInvocationID.x, tx = i % 16, ty = i / 16;
    const uint row = gl_WorkGroupID.x * TILE, token = gl_WorkGroupID.y * TILE;
    const uint lane = i / 4, deep = i % 4 * 4; // what this thread brings
    vec4 sum[4];
    for (uint t = 0; t < 4; t++)
        sum[t] = vec4(0.0);
    for (uint c = 0; c < p.cols; c += DEPTH) {
        const vec4 a = inputs(token + lane, c + deep), b = weights(row + lane, c + deep);
        for (uint k = 0; k < 4; k++) {
            xs[deep + k][lane / 4][lane % 4] = a[k];
            ws[deep + k][lane / 4][lane % 4] = b[k];
        }
        barrier();
        for (uint k = 0; k < DEPTH; k++) {
            const vec4 xk = xs[k][ty], wk = ws[k][tx];
            for (uint t = 0; t < 4; t++)
                sum[t] += xk[t] * wk;
        }
        barrier();
    }
    for (uint t = 0; t < 4; t++)
        for (uint r = 0; r < 4; r++) {
            const uint at = row + 4 * tx + r;
            if (token + 4 * ty + t < p.tokens && at < p.rows)
                y[(p.y_first + token + 4 * ty + t) * p.y_stride + p.column + at] =
                    sum[t][r] + (p.biased != 0 ? bias[p.bias_first + at] : 0.0);
        }
}
