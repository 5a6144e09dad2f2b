#version 450
// SPDX-License-Identifier: BSD-2-Clause
// This call's keys, values and scores into the ring: a workgroup a token of a head, of the last
// ones, which stay there. Last, because what was in the ring is needed until here.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "maths.glsl"

layout(constant_id = 0) const uint TYPE = 0;

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer K { float k[]; };
layout(binding = 2) readonly buffer V { float v[]; };
layout(binding = 3) readonly buffer Score { uint score[]; }; // or logits of leaving
layout(binding = 4) buffer State { uint state[]; };
layout(binding = 5) readonly buffer Plan { uint plan[]; };
#include "attend_plan.glsl"

#include "attend_store.glsl"

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint head = gl_WorkGroupID.y;
    const uint taken = p.retains != 0 && p.rows == 1
                           ? plan[plan_of(gl_WorkGroupID.z, head) + plan_taken()] : 0;
    store(g, gl_WorkGroupID.x + g.rows - min(g.rows, gl_NumWorkGroups.x), head, taken);
}
