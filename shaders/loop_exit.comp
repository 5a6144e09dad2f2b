#version 450
// SPDX-License-Identifier: BSD-2-Clause
// loop_exit: a row keeps what it held if its chances of leaving have added up to the threshold; or
// the loops' rows are added up, each by its chance.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_loop_exit_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Held { float held[]; };
layout(binding = 2) readonly buffer Logits { float logit[]; };
layout(binding = 3) readonly buffer Now { float now[]; };
layout(binding = 4) writeonly buffer Y { float y[]; };

uint row;

float exit_logit(uint i) { return logit[row * p.logits + i]; }
#include "loop_left.glsl"

// The chance of leaving after just this loop; after the last one, what is left of it.
float leaving()
{
    float stays = 1.0;
    for (uint i = 0; i < p.loops; i++)
        stays *= 1.0 - lte_sigmoid(exit_logit(i));
    return p.loops == p.logits ? stays : stays * lte_sigmoid(exit_logit(p.loops));
}

void main()
{
    const lte_vk_segment s = segment[p.segment + gl_WorkGroupID.z];
    if (gl_WorkGroupID.y >= s.rows)
        return;
    row = s.row + gl_WorkGroupID.y;
    const bool keeps = p.weighted == 0 && loop_left(p.loops, p.threshold);
    const float chance = p.weighted != 0 ? leaving() : 1.0;
    for (uint i = gl_LocalInvocationID.x; i < p.width; i += THREADS) {
        const uint at = row * p.width + i;
        if (p.weighted != 0)
            y[at] = chance * now[at] + (p.loops > 0 ? held[at] : 0.0);
        else
            y[at] = keeps ? held[at] : now[at];
    }
}
