#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend over buffer, ring and this call.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) readonly buffer K { float k[]; };
layout(binding = 4) readonly buffer V { float v[]; };
layout(binding = 5) readonly buffer Plan { uint plan[]; };
layout(binding = 6) writeonly buffer Out { float o[]; };
#include "attend.glsl"
#include "attend_plan.glsl"

uint held, used; // keys in the buffer and in the ring

// Keys of later rows than the last query's are not for this workgroup.
uint begin()
{
    held = p.retains != 0 ? plan[plan_of(gl_WorkGroupID.z, key_head) + plan_held()] : 0;
    used = ring_used(g.position);
    return held + used + last + 1;
}

// The queries that see key i of buffer, ring and call.
uvec2 visible(uint i)
{
    const uint at = plan_of(gl_WorkGroupID.z, key_head);
    if (i < held)
        return uvec2(0, plan[at + i]);
    i -= held;
    if (i < used)
        return uvec2(0, p.retains != 0 ? plan[at + p.slots + i]
                                       : ring_token(i, g.position) + p.ring - g.position);
    i -= used;
    return uvec2(i, p.retains != 0 ? plan[at + p.slots + p.ring + i] : i + p.ring);
}

// PACKED numbers of key i, or of its value.
vec2 load(uint i, uint d, bool values)
{
    if (i >= held + used) {
        const uint at = ((g.row + i - held - used) * p.heads + key_head) * DIM + d;
        return values ? vec2(v[at], v[at + PACKED - 1]) : vec2(k[at], k[at + PACKED - 1]);
    }
    const uint buffered = values ? p.slots_v : p.slots_k, ringed = values ? p.ring_v : p.ring_k;
    const uint row = i < held ? key_head * p.slots + i : key_head * p.ring + i - held;
    return lte_widen(TYPE, state[g.state + (i < held ? buffered : ringed) +
                                 (row * DIM + d) / PACKED]);
}
