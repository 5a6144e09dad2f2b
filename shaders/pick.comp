#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The id of the candidate of a row that is ahead of all. First every workgroup of a row finds that
// of its part, then one finds that of theirs.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "candidate.glsl"

layout(constant_id = 0) const bool LAST = false; // of the two

layout(push_constant) uniform Params { lte_candidates_params p; };
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) buffer Found { uvec2 found[]; }; // [rows][parts]
layout(binding = 2) writeonly buffer Y { uint y[]; };

shared uvec2 best[THREADS];

void main()
{
    const uint row = gl_WorkGroupID.y, part = gl_WorkGroupID.x, me = gl_LocalInvocationID.x;
    uvec2 mine = NOTHING;
    if (LAST) {
        for (uint j = me; j < p.parts; j += THREADS) {
            const uvec2 c = found[row * p.parts + j];
            if (ahead(c, mine))
                mine = c;
        }
    } else {
        for (uint j = part * THREADS + me; j < p.ids; j += p.parts * THREADS) {
            const uvec2 c = to_words(j, x[row * p.stride + j]);
            if (ahead(c, mine))
                mine = c;
        }
    }
    best[me] = mine;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (me < n) {
            if (ahead(best[me + n], mine))
                mine = best[me + n];
            best[me] = mine;
        }
        barrier();
    }
    if (me == 0 && LAST)
        y[row] = to_candidate(mine).x;
    else if (me == 0)
        found[row * p.parts + part] = mine;
}
