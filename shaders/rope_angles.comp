#version 450
// SPDX-License-Identifier: BSD-2-Clause
// rope_angles: cos and sin of each row's position. A frequency is a fraction of a turn in 64 bits,
// so that what a position makes of it is exact to a 2^32nd of a turn, without double precision.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_rope_angles_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Turns { uvec2 turns[]; }; // low word, high word
layout(binding = 2) writeonly buffer Y { float y[]; };

void main()
{
    const lte_vk_segment s = segment[p.segment + gl_WorkGroupID.z];
    const uint i = gl_GlobalInvocationID.x, t = gl_WorkGroupID.y;
    if (i >= p.half_dim || t >= s.rows)
        return;
    const uint position = s.position + t;
    uint high, low;
    umulExtended(position, turns[i].x, high, low);
    const vec2 turn = lte_cos_sin_turn(position * turns[i].y + high);
    const uint at = (s.row + t) * 2 * p.half_dim + i;
    y[at] = turn.x;
    y[at + p.half_dim] = turn.y;
}
