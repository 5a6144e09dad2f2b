#version 450
// SPDX-License-Identifier: BSD-2-Clause
// forget_gates of lib/op/forget_gates.c: log decays, then what the channels let in; a thread a
// channel.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_forget_gates_params p; };
layout(binding = 0) readonly buffer F { float f[]; };
layout(binding = 1) readonly buffer Lower { float lower[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

const float SMALLEST = 1.175494351e-38; // normal number

float bounded(float x, float low)
{
    const float a = low + (1.0 - low) * lte_sigmoid(x);
    return a < SMALLEST ? x : lte_log(a);
}

void main()
{
    const uint i = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    const uint row = p.first + gl_WorkGroupID.y, to = row * 2 * p.channels + i;
    if (i >= p.channels)
        return;
    const float x = f[row * p.channels + i], low = p.bounded != 0 ? lower[i] : 0.0;
    y[to] = p.bounded != 0 ? bounded(x, low) : -lte_softplus(-x);
    y[to + p.channels] = (1.0 - low) * lte_sigmoid(-x);
}
