#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend over a cache of every token: over the means of blocks, over a window, or over units of
// tokens that were chosen for each query.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(constant_id = 6) const uint RANGE = 0; // LTE_SPARSE_*

layout(push_constant) uniform Params { lte_sparse_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 1) readonly buffer State2 { uvec2 state2[]; };
layout(binding = 1) readonly buffer State4 { uvec4 state4[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) readonly buffer Chosen { uint chosen[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };
#include "attend.glsl"

uint before; // keys that none of the queries sees
uint list;   // of a query's chosen units

// Whether a query's neighbours, and it, all lie before p.end.
bool is_early()
{
    const uint block = first / p.together * p.together;
    return g.position + min(block + p.together, g.rows) <= p.end;
}

uint begin()
{
    const uint end = g.position + last + 1;
    if (RANGE != LTE_SPARSE_POOLED && p.together != 0 && is_early() == (RANGE == LTE_SPARSE_CHOSEN))
        return NEVER;
    if (RANGE == LTE_SPARSE_POOLED)
        return end / p.pool;
    if (RANGE == LTE_SPARSE_CHOSEN) {
        list = (gl_WorkGroupID.z * p.rows + first) * p.lists;
        list = (list + (p.lists > 1 ? key_head : 0)) * p.top;
        return min((end - 1) / p.pool + 1, p.top) * p.pool;
    }
    before = g.position + first + 1 > p.window ? g.position + first + 1 - p.window : 0;
    return end - before;
}

uint token_of(uint i)
{
    return RANGE == LTE_SPARSE_CHOSEN ? chosen[list + i / p.pool] * p.pool + i % p.pool
                                      : before + i;
}

uvec2 visible(uint i)
{
    // a block is there in time for the query of its own last token
    const uint token = RANGE == LTE_SPARSE_POOLED ? (i + 1) * p.pool - 1 : token_of(i);
    const uint until = RANGE == LTE_SPARSE_RECENT ? token + p.window - g.position : NEVER;
    return uvec2(token > g.position ? token - g.position : 0, until);
}

vec4 load(uint i, uint quad, bool values)
{
    const uint entry = RANGE == LTE_SPARSE_POOLED ? i : token_of(i);
    return load_state(g.state + (values ? p.v : p.k), key_head * p.entries + entry, quad);
}
