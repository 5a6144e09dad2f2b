// SPDX-License-Identifier: BSD-2-Clause
// Candidates (include/lte/candidate.h): an id and the bits of its logit.
#ifndef LTE_SHADERS_CANDIDATE_GLSL
#define LTE_SHADERS_CANDIDATE_GLSL

#include "rank.glsl"

const uvec2 NOTHING = uvec2(0xffffffffu, 0xff800000u);

// What may be one: NaN and -Inf may not.
bool counts(uvec2 c)
{
    return lte_rank(c.y) > LEAST;
}

// The larger logit, the lower id of equals.
bool ahead(uvec2 a, uvec2 b)
{
    const uint x = lte_rank(a.y), y = lte_rank(b.y);
    return x > y || (x == y && a.x < b.x);
}

#endif
