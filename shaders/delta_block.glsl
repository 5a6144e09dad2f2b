// SPDX-License-Identifier: BSD-2-Clause
// The chunkwise (WY) form of the gated delta rule (simd/delta_chunk.h) with chunks of four tokens:
// with their keys as rows of K, G the running sums of log decays and S the state before,
//     D  = T (V - diag(e^G) K S),   O = diag(e^G) Q S + M D,
//     S' = e^{G_3} S + K^T diag(e^{G_3-G}) D.
// delta_prepare makes T, M and the exponentials of every chunk and value head, delta_chunk
// sweeps through the state.
#ifndef LTE_SHADERS_DELTA_BLOCK_GLSL
#define LTE_SHADERS_DELTA_BLOCK_GLSL

const uint CHUNK = 4; // tokens

struct delta_block {
    vec4 t[CHUNK];    // rows of T = (I + stril(diag(beta) K K^T .* Gam))^-1 diag(beta)
    vec4 m[CHUNK];    // rows of M = tril(Q K^T .* Gam), with Gam_ij = e^{G_i - G_j}
    vec4 since;       // e^G
    vec4 until;       // e^{G_3 - G}
};

// The block of a value head's chunk, of a segment counted from the group's first.
uint block_of(uint segment, uint head, uint chunk)
{
    return (segment * p.value_heads + head) * p.chunks + chunk;
}

#endif
