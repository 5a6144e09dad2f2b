// SPDX-License-Identifier: BSD-2-Clause
// The keys of attend, for attend_list.glsl: those of buffer, ring and call, in this order. A shader
// that includes this has bound the plan.
#ifndef LTE_SHADERS_ATTEND_KEYS_GLSL
#define LTE_SHADERS_ATTEND_KEYS_GLSL

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

#endif
