#version 450
// SPDX-License-Identifier: BSD-2-Clause
// short_conv of simd/short_conv.h: a thread takes a channel of TOKENS rows, which pass through a
// window in registers. The thread of a channel's first rows, the only one that reads the tail, also
// renews it.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(constant_id = 0) const uint TAPS = 4;
layout(constant_id = 1) const uint TOKENS = 16; // TAPS - 1 at least

layout(push_constant) uniform Params { lte_short_conv_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer X { float x[]; };
layout(binding = 2) readonly buffer Weight { float weight[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Y { float y[]; };
layout(binding = 5) readonly buffer Bias { float bias[]; };

void main()
{
    const uint c = gl_WorkGroupID.x * THREADS + gl_LocalInvocationID.x;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint first = gl_WorkGroupID.y * TOKENS, tail = g.state + c;
    if (c >= p.channels || first >= g.rows)
        return;
    // seen[j] is the input TAPS - 1 - j rows back
    float w[TAPS], seen[TAPS];
    for (uint j = 0; j < TAPS; j++)
        w[j] = weight[j * p.channels + c];
    for (uint j = 1; j < TAPS; j++)
        seen[j] = first == 0 ? state[tail + (j - 1) * p.channels]
                             : x[(g.row + first + j - TAPS) * p.channels + c];
    for (uint t = first; t < min(first + TOKENS, g.rows); t++) {
        for (uint j = 0; j + 1 < TAPS; j++)
            seen[j] = seen[j + 1];
        seen[TAPS - 1] = x[(g.row + t) * p.channels + c];
        float sum = p.biased != 0 ? bias[c] : 0.0;
        for (uint j = 0; j < TAPS; j++)
            sum += w[j] * seen[j];
        y[(g.row + t) * p.channels + c] = lte_silu(sum);
    }
    if (first != 0)
        return;
    for (uint j = 0; j + 1 < TAPS; j++) {
        const uint at = g.rows + j; // of the tail followed by the segment's rows
        state[tail + j * p.channels] =
            at + 1 < TAPS ? state[tail + at * p.channels]
                          : x[(g.row + at + 1 - TAPS) * p.channels + c];
    }
}
