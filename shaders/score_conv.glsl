// SPDX-License-Identifier: BSD-2-Clause
// One convolution of lte_score (simd/router.h): a workgroup OUTS outputs of TOKENS tokens of a
// head. The products of an output are dealt out to PARTS threads and summed in an order that is the
// same for every token, wherever the calls were split: equal tokens have equal scores.
#include "common.glsl"
#include "score.glsl"

layout(constant_id = 0) const uint TOKENS = 8;

layout(push_constant) uniform Params { lte_score_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { float state[]; };
layout(binding = 2) readonly buffer X { float x[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer Weight { float weight[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

shared float partial[TOKENS * THREADS];
float sum[TOKENS];
lte_vk_segment g;

// Channel c of row t of history and input; rows beyond the last are not used.
float value(uint t, uint c)
{
    const uint kept = (p.taps - 1) * p.dilation, head = gl_WorkGroupID.y;
    if (t < kept)
        return state[g.state + p.history + head * p.head_state + t * p.inputs + c];
    t = min(t - kept, g.rows - 1);
#ifdef FIRST
    const uint dim = p.inputs / 2, at = ((g.row + t) * gl_NumWorkGroups.y + head) * dim;
    return c < dim ? x[at + c] : v[at + c - dim];
#else
    return x[((gl_WorkGroupID.z * gl_NumWorkGroups.y + head) * p.rows + t) * p.inputs + c];
#endif
}

void write(uint t, uint o, float x)
{
    const uint head = gl_WorkGroupID.y;
    const bool before = g.position + t < p.late; // of a token before the first
    if (p.last != 0) {
        x = before ? 0.0 : x;
        y[(g.row + t) * gl_NumWorkGroups.y + head] = lte_retention(x, p.relu != 0);
    } else {
        y[((gl_WorkGroupID.z * gl_NumWorkGroups.y + head) * p.rows + t) * p.outputs + o] =
            before ? 0.0 : lte_silu(x);
    }
}

void main()
{
    const uint i = gl_LocalInvocationID.x, blocks = (p.outputs + OUTS - 1) / OUTS;
    const uint o = gl_WorkGroupID.x % blocks * OUTS + i % OUTS;
    const uint first = gl_WorkGroupID.x / blocks * TOKENS;
    const uint set = p.groups != 0 ? gl_WorkGroupID.y : 0;
    const uint from = p.weight + set * p.taps * p.inputs * p.outputs + min(o, p.outputs - 1);
    g = segment[p.segment + gl_WorkGroupID.z];
    for (uint t = 0; t < TOKENS; t++)
        sum[t] = 0;
    for (uint j = 0; j < p.taps; j++)
        for (uint c = i / OUTS; c < p.inputs; c += PARTS) {
            const float w = weight[from + (j * p.inputs + c) * p.outputs];
            for (uint t = 0; t < TOKENS; t++)
                sum[t] = fma(w, value(first + t + j * p.dilation, c), sum[t]);
        }
    for (uint t = 0; t < TOKENS; t++)
        partial[t * THREADS + i] = sum[t];
    barrier();
    for (uint t = i / OUTS; t < TOKENS; t += PARTS) {
        float x = 0;
        for (uint part = 0; part < PARTS; part++)
            x += partial[t * THREADS + part * OUTS + i % OUTS];
        if (o < p.outputs && first + t < g.rows)
            write(first + t, o, x + weight[p.bias + set * p.outputs + o]);
    }
}
