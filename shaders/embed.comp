#version 450
// SPDX-License-Identifier: BSD-2-Clause
// embed: rows of the table, widened; of those rows of it that are bound.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint TYPE = 0;

layout(push_constant) uniform Params { lte_embed_params p; };
layout(binding = 0) readonly buffer Tokens { uint token[]; };
layout(binding = 1) readonly buffer Table { uint table[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, id = token[row] - p.table_first;
    const uint column = gl_GlobalInvocationID.x;
    if (id >= p.table_rows || column >= p.width)
        return;
    const uint i = id * p.width + column;
    y[row * p.width + column] = TYPE == LTE_F32 ? uintBitsToFloat(table[i])
                                                : lte_widen(TYPE, table[i >> 1])[i & 1u];
}
