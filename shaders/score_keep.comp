#version 450
// SPDX-License-Identifier: BSD-2-Clause
// After all convolutions of lte_score have run: each keeps its last inputs. A thread has a channel
// of a head, oldest token first, so that it reads a place before it writes it.
#extension GL_GOOGLE_include_directive : require
#define THREADS 64
#include "common.glsl"

layout(push_constant) uniform Params { lte_score_stack_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer K { float k[]; };
layout(binding = 2) readonly buffer V { float v[]; };
layout(binding = 3) readonly buffer X { float x[]; };
layout(binding = 4) buffer State { float state[]; };

lte_vk_segment g;
uint inputs, head, place; // place: of the convolution's input in x

float value(uint t, uint c, bool first)
{
    if (!first)
        return x[place + ((gl_WorkGroupID.z * p.heads + head) * p.rows + t) * inputs + c];
    const uint dim = inputs / 2, at = ((g.row + t) * p.heads + head) * dim;
    return c < dim ? k[at + c] : v[at + c - dim];
}

void main()
{
    const uint conv = gl_WorkGroupID.y / p.heads;
    const uint c = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    g = segment[p.segment + gl_WorkGroupID.z];
    head = gl_WorkGroupID.y % p.heads;
    uint to = g.state + head * p.head_state;
    place = 0;
    for (uint i = 0; i < conv; i++) {
        to += (p.shape[i] >> 16) * (p.shape[i] & 0xffffu);
        if (i > 0)
            place += gl_NumWorkGroups.z * p.heads * p.rows * (p.shape[i] >> 16);
    }
    inputs = p.shape[conv] >> 16;
    const uint kept = p.shape[conv] & 0xffffu;
    for (uint t = 0; c < inputs && t < kept; t++) {
        const uint from = g.rows + t;
        state[to + t * inputs + c] =
            from < kept ? state[to + from * inputs + c] : value(from - kept, c, conv == 0);
    }
}
