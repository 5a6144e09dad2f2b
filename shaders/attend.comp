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
layout(binding = 1) readonly buffer State2 { uvec2 state2[]; };
layout(binding = 1) readonly buffer State4 { uvec4 state4[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) readonly buffer K { float k[]; };
layout(binding = 3) readonly buffer K4 { vec4 k4[]; };
layout(binding = 4) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer V4 { vec4 v4[]; };
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

vec4 load_call(uint row, uint quad, bool values)
{
    if (DIM % 4 == 0)
        return values ? v4[row * VECTORS + quad] : k4[row * VECTORS + quad];
    vec4 x = vec4(0);
    for (uint d = 4 * quad; d < min(4 * quad + 4, DIM); d++)
        x[d % 4] = values ? v[row * DIM + d] : k[row * DIM + d];
    return x;
}

vec4 load(uint i, uint quad, bool values)
{
    if (i >= held + used)
        return load_call((g.row + i - held - used) * p.heads + key_head, quad, values);
    const uint buffered = values ? p.slots_v : p.slots_k, ringed = values ? p.ring_v : p.ring_k;
    const uint row = i < held ? key_head * p.slots + i : key_head * p.ring + i - held;
    return load_state(g.state + (i < held ? buffered : ringed), row, quad);
}
