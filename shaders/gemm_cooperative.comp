#version 450
// SPDX-License-Identifier: BSD-2-Clause
// linear for many tokens on cooperative matrices, of weights of 16 bits: a workgroup a tile of 64
// tokens by 64 rows of the weights, each of its four subgroups a quarter of that.
//
// The matrices are f16 and their sums fp32. A power of two for every token and one for every row of
// bf16 bring the largest number below 2^15; weights then fit into f16 as they are, and inputs are
// the sum of two: no bits of weights are lost, and of an input those below the 22nd.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "params.h"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 1;
layout(constant_id = 1) const uint M = 16; // tokens, rows and columns of a cooperative matrix
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(local_size_x_id = 4) in;            // four subgroups

const uint TILE = 64, QUARTER = 32, DEPTH = 32, SUBGROUPS = 4;
const uint PITCH = DEPTH / 4 + 2; // of a row of a tile, in fours; rows begin at multiples of 16 bytes
const uint LARGEST = 256;         // M * N

layout(push_constant) uniform Params { lte_linear_params p; };
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) readonly buffer W { uvec2 w[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
layout(binding = 4) readonly buffer XShift { int x_shift[]; };
layout(binding = 5) readonly buffer WShift { int w_shift[]; };

shared f16vec4 high[TILE * PITCH], low[TILE * PITCH], ws[TILE * PITCH];
shared float part[SUBGROUPS * LARGEST];

float power(int e)
{
    return uintBitsToFloat(uint(127 + e) << 23);
}

// Two parts of an input. A compiler may take a number that has become f16 and fp32 again for the
// number itself; bits that are cut off it leaves alone.
void bring_inputs(uint token, uint c)
{
    for (uint i = gl_LocalInvocationIndex; i < TILE * DEPTH / 4; i += gl_WorkGroupSize.x) {
        const uint t = i / (DEPTH / 4), k = i % (DEPTH / 4);
        vec4 v = vec4(0.0);
        if (token + t < p.tokens && c + 4 * k < p.cols)
            v = x[((p.x_first + token + t) * p.x_stride + c) / 4 + k] * power(x_shift[token + t]);
        const vec4 h = uintBitsToFloat(floatBitsToUint(v) & 0xffffe000u); // f16 has no bits for the rest
        high[t * PITCH + k] = f16vec4(h);
        low[t * PITCH + k] = f16vec4(v - h);
    }
}

void bring_weights(uint row, uint c)
{
    for (uint i = gl_LocalInvocationIndex; i < TILE * DEPTH / 4; i += gl_WorkGroupSize.x) {
        const uint r = i / (DEPTH / 4), k = i % (DEPTH / 4);
        f16vec4 v = f16vec4(0.0);
        if (row + r < p.rows && c + 4 * k < p.cols) {
            const uvec2 words = w[((row + r) * p.cols + c) / 4 + k];
            if (TYPE == LTE_F16)
                v = f16vec4(unpackFloat2x16(words.x), unpackFloat2x16(words.y));
            else
                v = f16vec4(vec4(lte_widen(LTE_BF16, words.x), lte_widen(LTE_BF16, words.y)) *
                            power(w_shift[p.bias_first + row + r]));
        }
        ws[r * PITCH + k] = v;
    }
}

// In two steps: the power may be one that fp32 has not.
float unshifted(float sum, int e)
{
    return sum * power(-(e / 2)) * power(-(e - e / 2));
}

void give(uint token, uint row, float sum)
{
    if (token >= p.tokens || row >= p.rows)
        return;
    const int e = x_shift[token] + (TYPE == LTE_F16 ? 0 : w_shift[p.bias_first + row]);
    y[(p.y_first + token) * p.y_stride + p.column + row] =
        unshifted(sum, e) + (p.biased != 0 ? bias[p.bias_first + row] : 0.0);
}

void main()
{
    const uint row = gl_WorkGroupID.x * TILE, token = gl_WorkGroupID.y * TILE;
    const uint mine = gl_SubgroupID, down = mine / 2 * QUARTER, across = mine % 2 * QUARTER;
    const uint lanes = gl_WorkGroupSize.x / SUBGROUPS, lane = gl_LocalInvocationIndex % lanes;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[QUARTER / M * (QUARTER / N)];
    for (uint i = 0; i < QUARTER / M * (QUARTER / N); i++)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    for (uint c = 0; c < p.cols; c += DEPTH) {
        bring_inputs(token, c);
        bring_weights(row, c);
        barrier();
        for (uint k = 0; k < DEPTH; k += K) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b[QUARTER / N];
            for (uint n = 0; n < QUARTER / N; n++)
                coopMatLoad(b[n], ws, (across + n * N) * PITCH + k / 4, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
            for (uint m = 0; m < QUARTER / M; m++) {
                const uint at = (down + m * M) * PITCH + k / 4;
                coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a, rest;
                coopMatLoad(a, high, at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
                coopMatLoad(rest, low, at, PITCH, gl_CooperativeMatrixLayoutRowMajor);
                for (uint n = 0; n < QUARTER / N; n++) {
                    const uint i = m * (QUARTER / N) + n;
                    sum[i] = coopMatMulAdd(rest, b[n], sum[i]);
                    sum[i] = coopMatMulAdd(a, b[n], sum[i]);
                }
            }
        }
        barrier();
    }
    for (uint i = 0; i < QUARTER / M * (QUARTER / N); i++) {
        coopMatStore(sum[i], part, mine * LARGEST, N, gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        for (uint j = lane; j < M * N; j += lanes)
            give(token + down + i / (QUARTER / N) * M + j / N,
                 row + across + i % (QUARTER / N) * N + j % N, part[mine * LARGEST + j]);
        barrier();
    }
}
