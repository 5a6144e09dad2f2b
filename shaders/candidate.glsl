// SPDX-License-Identifier: BSD-2-Clause
// Candidates (include/lte/candidate.h) as two words that order as they do, the better one being
// larger: the logit's rank, and one that falls with the id.
#ifndef LTE_SHADERS_CANDIDATE_GLSL
#define LTE_SHADERS_CANDIDATE_GLSL

#include "rank.glsl"

const uvec2 NOTHING = uvec2(0); // what NaN and -Inf are
const uint ZERO = 0x80000000u;  // the rank of both zeros

// The lowest bit of the second word tells -0. Ids are below 2^31.
uvec2 to_words(uint id, uint bits)
{
    const uint rank = lte_rank(bits);
    return rank > LEAST ? uvec2(rank, ~id << 1 | (bits == 0x80000000u ? 1 : 0)) : NOTHING;
}

// An id and the bits of a logit.
uvec2 to_candidate(uvec2 w)
{
    if (w.x == 0)
        return uvec2(0xffffffffu, 0xff800000u); // LTE_NO_TOKEN, -Inf
    const uint bits = w.x == ZERO ? w.y << 31 : w.x > ZERO ? w.x & 0x7fffffffu : ~w.x;
    return uvec2(~(w.y >> 1 | 0x80000000u), bits);
}

bool ahead(uvec2 a, uvec2 b)
{
    return a.x > b.x || (a.x == b.x && a.y > b.y);
}

#endif
