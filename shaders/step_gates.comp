#version 450
// SPDX-License-Identifier: BSD-2-Clause
// step_gates of lib/op/step_gates.c: log decays, then time steps; a thread a head.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_step_gates_params p; };
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer NegExpA { float neg_exp_A[]; };
layout(binding = 2) readonly buffer Bias { float dt_bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main()
{
    const uint h = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    const uint row = p.first + gl_WorkGroupID.y, to = row * 2 * p.heads + h;
    if (h >= p.heads)
        return;
    float step = lte_softplus(a[row * p.heads + h] + dt_bias[h]);
    step = step < p.low ? p.low : step > p.high ? p.high : step;
    y[to] = neg_exp_A[h] * step;
    y[to + p.heads] = step;
}
