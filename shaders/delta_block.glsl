// SPDX-License-Identifier: BSD-2-Clause
// The chunkwise (WY) form of the gated delta rule (simd/delta_chunk.h) with chunks of 16 tokens:
// with their keys as rows of K, G the running sums of log decays and S the state before,
//     R  = V - diag(e^G) K S,   D = T R,   O = diag(e^G) Q S + M D,
//     S' = e^{G_15} S + K^T diag(e^{G_15-G}) D.
// delta_prepare makes T, M T and the exponentials of every chunk and value head, delta_chunk
// sweeps through the state.
#ifndef LTE_SHADERS_DELTA_BLOCK_GLSL
#define LTE_SHADERS_DELTA_BLOCK_GLSL

const uint CHUNK = 16;       // tokens
const uint ROWS = 2 * CHUNK; // their keys, then their queries

// A block, in fours:
//     [CHUNK][CHUNK]   T = (I + stril(diag(beta) K K^T .* Gam))^-1 diag(beta)
//     [CHUNK][CHUNK]   M T with M = tril(Q K^T .* Gam), Gam_ij = e^{G_i - G_j}
//     [CHUNK]          e^G
//     [CHUNK]          e^{G_15 - G}
//     [4]              powers of two that bring keys, and queries, below 2^15; then how many times
//                      larger e^{G_15-G} D may be than R
const uint SINCE = ROWS * CHUNK / 4, UNTIL = SINCE + CHUNK / 4, SCALE = UNTIL + CHUNK / 4;
const uint BLOCK = SCALE + 1;

// The block of a value head's chunk, of a segment counted from the group's first.
uint block_of(uint segment, uint head, uint chunk)
{
    return ((segment * p.value_heads + head) * p.chunks + chunk) * BLOCK;
}

#endif
