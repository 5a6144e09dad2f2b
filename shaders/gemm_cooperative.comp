#version 450
// SPDX-License-Identifier: BSD-2-Clause
// linear for many tokens on cooperative matrices, of weights of 16 bits: a workgroup a tile of
// tokens by rows of the weights, each of its subgroups a part of that. While it multiplies some
// columns, the next are on their way.
//
// The matrices are f16 and their sums fp32. A power of two for every token and one for every row of
// bf16 bring the largest number below 2^15; weights then fit into f16 as they are, and inputs are
// the sum of two (split_inputs.comp): no bits of weights are lost, and of an input those below the
// 22nd.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "params.h"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 1;
layout(constant_id = 1) const uint M = 16; // tokens, rows and columns of a cooperative matrix
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;
layout(local_size_x_id = 4) in;
layout(constant_id = 5) const uint TOKENS = 64; // of a tile
layout(constant_id = 6) const uint ROWS = 64;
layout(constant_id = 7) const uint T = 32;      // tokens and rows of a subgroup
layout(constant_id = 8) const uint R = 32;
layout(constant_id = 9) const uint DEPTH = 32;  // columns at a time, a multiple of 32
// Vectors of 16 bytes: of a row of a tile, and from one row to the next, so that eight rows lie in
// banks of their own. A row of inputs is high and low parts in turn, four vectors each.
const uint W_WIDTH = DEPTH / 8, W_PITCH = W_WIDTH + 1;
const uint X_WIDTH = 2 * W_WIDTH, X_PITCH = X_WIDTH + 1;
const uint W_PART = TOKENS * X_PITCH, TILE = W_PART + ROWS * W_PITCH;
const uint ACROSS = ROWS / R, SUBGROUPS = ACROSS * (TOKENS / T);
const uint OUT_PITCH = N / 4 + 2, OUT = M * OUT_PITCH; // of a subgroup's matrix of sums
const uint SHARED = TILE > SUBGROUPS * OUT ? TILE : SUBGROUPS * OUT;
// What a thread brings.
const uint INPUTS = (TOKENS * X_WIDTH + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;
const uint WEIGHTS = (ROWS * W_WIDTH + gl_WorkGroupSize.x - 1) / gl_WorkGroupSize.x;

layout(push_constant) uniform Params { lte_gemm_cooperative_params p; };
layout(binding = 0) readonly buffer X { uvec4 x[]; };
layout(binding = 1) readonly buffer W { uvec4 w[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 2) readonly buffer Bias4 { vec4 bias4[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };
layout(binding = 3) writeonly buffer Y4 { vec4 y4[]; };
layout(binding = 4) readonly buffer XShift { int x_shift[]; };
layout(binding = 5) readonly buffer WShift { int w_shift[]; };
layout(binding = 5) readonly buffer WShift4 { ivec4 w_shift4[]; };

shared uvec4 part[SHARED];

// Loops over these are unrolled: only then do they lie in registers.
uvec4 x_next[INPUTS], w_next[WEIGHTS];
float scale[WEIGHTS];
coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[T / M * (R / N)];

// The i-th vector that this thread brings.
uint mine(uint i)
{
    return gl_LocalInvocationIndex + i * gl_WorkGroupSize.x;
}

float power(int e)
{
    return uintBitsToFloat(uint(127 + e) << 23);
}

void find_scales(uint row)
{
    [[unroll]] for (uint i = 0; i < WEIGHTS; i++)
        scale[i] = power(w_shift[p.bias_first + min(row + mine(i) / W_WIDTH, p.rows - 1)]);
}

// Tokens and rows beyond the last are the last once more: what they give is not written. Inputs end
// in zeros.
void fetch(uint token, uint row, uint c)
{
    [[unroll]] for (uint i = 0; i < INPUTS; i++) {
        const uint t = min(token + mine(i) / X_WIDTH, p.tokens - 1);
        x_next[i] = x[t * p.pitch + c / 4 + mine(i) % X_WIDTH];
    }
    [[unroll]] for (uint i = 0; i < WEIGHTS; i++) {
        const uint r = min(row + mine(i) / W_WIDTH, p.rows - 1), k = c / 8 + mine(i) % W_WIDTH;
        w_next[i] = k < p.cols / 8 ? w[r * (p.cols / 8) + k] : uvec4(0);
    }
}

uint narrow(uint word, float by)
{
    return packFloat2x16(f16vec2(lte_widen(LTE_BF16, word) * by));
}

void put()
{
    [[unroll]] for (uint i = 0; i < INPUTS; i++)
        if (TOKENS * X_WIDTH % gl_WorkGroupSize.x == 0 || mine(i) < TOKENS * X_WIDTH)
            part[mine(i) / X_WIDTH * X_PITCH + mine(i) % X_WIDTH] = x_next[i];
    [[unroll]] for (uint i = 0; i < WEIGHTS; i++) {
        uvec4 v = w_next[i];
        if (TYPE == LTE_BF16)
            v = uvec4(narrow(v.x, scale[i]), narrow(v.y, scale[i]), narrow(v.z, scale[i]),
                      narrow(v.w, scale[i]));
        if (ROWS * W_WIDTH % gl_WorkGroupSize.x == 0 || mine(i) < ROWS * W_WIDTH)
            part[W_PART + mine(i) / W_WIDTH * W_PITCH + mine(i) % W_WIDTH] = v;
    }
}

void multiply(uint down, uint across)
{
    for (uint k = 0; k < W_WIDTH; k += K / 8) {
        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b[R / N];
        [[unroll]] for (uint n = 0; n < R / N; n++)
            coopMatLoad(b[n], part, W_PART + (across + n * N) * W_PITCH + k, W_PITCH,
                        gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint m = 0; m < T / M; m++) {
            const uint at = (down + m * M) * X_PITCH + k / 4 * 8 + k % 4;
            coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> high, low;
            coopMatLoad(low, part, at + 4, X_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(high, part, at, X_PITCH, gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint n = 0; n < R / N; n++)
                sum[m * (R / N) + n] = coopMatMulAdd(low, b[n], sum[m * (R / N) + n]);
            [[unroll]] for (uint n = 0; n < R / N; n++)
                sum[m * (R / N) + n] = coopMatMulAdd(high, b[n], sum[m * (R / N) + n]);
        }
    }
}

// In two steps: the power may be one that fp32 has not.
vec4 unshifted(vec4 v, ivec4 e)
{
    const ivec4 first = e / 2, rest = e - first;
    return v * uintBitsToFloat(uvec4(127 - first) << 23) * uintBitsToFloat(uvec4(127 - rest) << 23);
}

// Sums of a token from a row on: four, or one.
void give4(uint token, uint row, vec4 v)
{
    ivec4 e = ivec4(x_shift[token]);
    if (TYPE == LTE_BF16)
        e += w_shift4[(p.bias_first + row) / 4];
    v = unshifted(v, e);
    if (p.biased != 0)
        v += bias4[(p.bias_first + row) / 4];
    y4[((p.y_first + token) * p.y_stride + p.column + row) / 4] = v;
}

void give(uint token, uint row, float v)
{
    const int e = x_shift[token] + (TYPE == LTE_BF16 ? w_shift[p.bias_first + row] : 0);
    y[(p.y_first + token) * p.y_stride + p.column + row] =
        unshifted(vec4(v), ivec4(e)).x + (p.biased != 0 ? bias[p.bias_first + row] : 0.0);
}

// One matrix of each subgroup at a time.
void give_out(uint token, uint row)
{
    const uint own = gl_SubgroupID * OUT;
    const uint lanes = gl_WorkGroupSize.x / SUBGROUPS, lane = gl_LocalInvocationIndex % lanes;
    const bool fours = (p.rows | p.y_stride | p.column) % 4 == 0;
    [[unroll]] for (uint i = 0; i < T / M * (R / N); i++) {
        subgroupBarrier();
        coopMatStore(sum[i], part, own, OUT_PITCH, gl_CooperativeMatrixLayoutRowMajor);
        subgroupBarrier();
        for (uint j = lane; j < M * N / 4; j += lanes) {
            const uint t = token + i / (R / N) * M + j / (N / 4);
            const uint r = row + i % (R / N) * N + j % (N / 4) * 4;
            const vec4 v = uintBitsToFloat(part[own + j / (N / 4) * OUT_PITCH + j % (N / 4)]);
            if (fours && t < p.tokens && r < p.rows)
                give4(t, r, v);
            for (uint k = 0; k < 4 && !fours && t < p.tokens && r + k < p.rows; k++)
                give(t, r + k, v[k]);
        }
    }
}

void main()
{
    const uint row = gl_WorkGroupID.x * ROWS, token = gl_WorkGroupID.y * TOKENS;
    const uint down = gl_SubgroupID / ACROSS * T, across = gl_SubgroupID % ACROSS * R;
    [[unroll]] for (uint i = 0; i < T / M * (R / N); i++)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    if (TYPE == LTE_BF16)
        find_scales(row);
    fetch(token, row, 0);
    for (uint c = 0; c < p.cols; c += DEPTH) {
        put();
        barrier();
        if (c + DEPTH < p.cols)
            fetch(token, row, c + DEPTH);
        multiply(down, across);
        barrier();
    }
    give_out(token + down, row + across);
}
