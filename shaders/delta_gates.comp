#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_gates of lib/op/delta_gates.c: log decays, then betas; a thread a number.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "delta_gates.glsl"

layout(push_constant) uniform Params { lte_delta_gates_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer NegExpA { float neg_exp_A[]; };
layout(binding = 2) readonly buffer Bias { float dt_bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

float decay(float a, uint i)
{
    return p.decays == 0 ? 0.0 : lte_log_decay(a, neg_exp_A[i / p.channels], dt_bias[i], p.lower_bound);
}

void main()
{
    const uint i = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    const uint at = (p.first + gl_WorkGroupID.y) * p.columns + i;
    if (i < p.columns)
        y[at] = i < p.heads * p.channels ? decay(x[at], i) : p.beta_scale * lte_sigmoid(x[at]);
}
