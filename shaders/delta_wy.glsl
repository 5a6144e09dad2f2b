// SPDX-License-Identifier: BSD-2-Clause
// The chunkwise (WY) form of the gated delta rule (simd/delta_chunk.h) with chunks of 64 tokens on
// cooperative matrices. With keys, queries and values as rows of K, Q and V, G the running sums of
// log decays, Gam_ij = e^{G_i-G_j} for i >= j, and S the state before a chunk,
//     T = (I + stril(diag(beta) K K^T .* Gam))^-1 diag(beta)
//     Y = [ diag(e^{G_63-G}) T ]          of 128 rows: what is written, then what is given
//         [ tril(Q K^T .* Gam) T ]
//     B = Y V,   L = Y diag(e^G) K - [ 0; diag(e^G) Q ]
// depend on no state: delta_wy_cooperative makes them for all chunks side by side. What remains for
// delta_sweep_cooperative, chunk after chunk, is
//     [ D; O ] = B - L S,   S' = e^{G_63} S + K^T D.
//
// In products a number is two f16, high and low (see gemm_cooperative.comp), after a power of two
// has brought the largest of its matrix below 2^15, or a bound of it: one that is 2^15 too large
// costs no bits that count.
#ifndef LTE_SHADERS_DELTA_WY_GLSL
#define LTE_SHADERS_DELTA_WY_GLSL

#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_basic : require
#include "params.h"
#include "split.glsl"

layout(constant_id = 1) const uint KEYS = 128; // of a key, padded to a multiple of 32
layout(local_size_x_id = 2) in;
layout(constant_id = 3) const uint M = 16;     // of a cooperative matrix, each 8 or 16
layout(constant_id = 4) const uint N = 16;
layout(constant_id = 5) const uint K = 16;
layout(constant_id = 6) const uint SUBGROUPS = 8; // a power of two
layout(constant_id = 7) const uint VALUES = 128;  // of a value, padded likewise

layout(push_constant) uniform Params { lte_delta_params p; };

const uint CHUNK = 64, ROWS = 2 * CHUNK; // tokens; keys and queries
const uint THREADS = gl_WorkGroupSize.x, LANES = THREADS / SUBGROUPS;

// A chunk's record, in vectors of 16 bytes. Matrices lie in tiles of 16 x 16, row by row of tiles,
// each a block of memory, of f16 all high parts before the low ones.
const uint HALF_TILE = 32, SPLIT_TILE = 2 * HALF_TILE, TILE = 64;
const uint KEY_TILES = KEYS / 16, VALUE_TILES = VALUES / 16, ROW_TILES = ROWS / 16;
const uint DELTA_TILES = CHUNK / 16;     // of ROW_TILES the first, of D
const uint LEFT_AT = 0;                  // L, f16 [ROWS][KEYS]
const uint KEYS_AT = LEFT_AT + ROW_TILES * KEY_TILES * SPLIT_TILE;      // K^T, f16 [KEYS][CHUNK]
const uint BASE_AT = KEYS_AT + KEY_TILES * DELTA_TILES * SPLIT_TILE;    // B, fp32 [ROWS][VALUES]
const uint KNOWN_AT = BASE_AT + ROW_TILES * VALUE_TILES * TILE;
const uint RECORD = KNOWN_AT + 2;
// Its last vectors: e^{G_63} and what undoes the powers of two of L's halves and of K; then the
// largest of D's part of B, of D for a state whose largest is 1, and of what a D whose largest is 1
// adds to the state: bounds, the first apart.
struct known {
    float decay, delta_back, out_back, keys_back;
    float base_most, left_most, keys_most;
};

#define SUM coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define LEFT coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define RIGHT coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define HALF_SUM coopmat<float16_t, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define ROW_MAJOR gl_CooperativeMatrixLayoutRowMajor
#define COLUMN_MAJOR gl_CooperativeMatrixLayoutColumnMajor

// The record of a value head's chunk: counted from p.first, of a segment from the group's first.
uint record_of(uint segment, uint head, uint chunk)
{
    return ((segment * p.value_heads + head) * p.chunks + chunk) * RECORD;
}

float power(float most)
{
    return power(floatBitsToUint(most) & 0x7fffffffu);
}

void split(SUM v, out HALF_SUM high, out HALF_SUM low)
{
    [[unroll]] for (uint e = 0; e < v.length(); e++) {
        const float h = cut(vec4(v[e])).x;
        high[e] = float16_t(h);
        low[e] = float16_t(v[e] - h);
    }
}

float largest_of(SUM v, float most)
{
    [[unroll]] for (uint e = 0; e < v.length(); e++)
        most = max(most, abs(v[e]));
    return most;
}

#endif
