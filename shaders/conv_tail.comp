#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The tail of a short convolution after one token, for delta_step, many of whose workgroups read
// it: a thread a channel.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_conv_tail_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) buffer State { float state[]; };

void main()
{
    const uint c = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    if (c >= p.channels)
        return;
    for (uint j = 0; j < p.inputs; j++)
        state[g.state + j * p.channels + c] = j + 1 < p.inputs
                                                  ? state[g.state + (j + 1) * p.channels + c]
                                                  : x[g.row * p.channels + c];
}
