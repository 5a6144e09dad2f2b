#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Keys and values for attend_cooperative.comp, numbered as attend_keys.glsl numbers them: each as
// sums of two f16, after a power of two of its own has brought its largest number below 2^15 (see
// split_inputs.comp). Of a key's high parts, low parts, and the value's likewise, DIM / 8 vectors
// each; and what undoes the powers. A thread has eight numbers of a key and of its value.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "weights.glsl"

layout(constant_id = 0) const uint DIM = 64; // a multiple of 8, at most 8 * THREADS
layout(constant_id = 1) const uint TYPE = LTE_F32;

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 1) readonly buffer State2 { uvec2 state2[]; };
layout(binding = 1) readonly buffer State4 { uvec4 state4[]; };
layout(binding = 2) readonly buffer K { float k[]; };
layout(binding = 2) readonly buffer K4 { vec4 k4[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 3) readonly buffer V4 { vec4 v4[]; };
layout(binding = 4) readonly buffer Plan { uint plan[]; };
layout(binding = 5) writeonly buffer Parts { uvec4 part[]; };
layout(binding = 6) writeonly buffer Back { vec2 back[]; };

const uint VECTORS = DIM / 4, EIGHTS = DIM / 8;
const uint KEYS = THREADS / EIGHTS; // of a workgroup

shared uint largest[2 * KEYS];

lte_vk_segment g;
uint key_head, last;
#include "attend_entries.glsl"
#include "split.glsl"

void main()
{
    const uint i = gl_LocalInvocationID.x, own = i / EIGHTS, eight = i % EIGHTS;
    const uint key = gl_WorkGroupID.x * KEYS + own;
    g = segment[p.segment + gl_WorkGroupID.z];
    key_head = gl_WorkGroupID.y;
    last = g.rows - 1;
    const bool mine = own < KEYS && key < begin();
    vec4 x[4] = {vec4(0), vec4(0), vec4(0), vec4(0)};
    if (i < 2 * KEYS)
        largest[i] = 0;
    if (mine)
        [[unroll]] for (uint n = 0; n < 4; n++)
            x[n] = load(key, 2 * eight + n % 2, n >= 2);
    barrier();
    if (mine)
        [[unroll]] for (uint n = 0; n < 2; n++)
            atomicMax(largest[2 * own + n], max(magnitude(x[2 * n]), magnitude(x[2 * n + 1])));
    barrier();
    if (!mine)
        return;
    const uint at = (gl_WorkGroupID.z * p.heads + key_head) * (p.slots + p.ring + p.rows) + key;
    const vec2 by = vec2(power(largest[2 * own]), power(largest[2 * own + 1]));
    [[unroll]] for (uint n = 0; n < 2; n++) {
        const vec4 a = x[2 * n] * by[n], b = x[2 * n + 1] * by[n];
        const uint to = (at * 4 + 2 * n) * EIGHTS + eight;
        part[to] = uvec4(pack(cut(a)), pack(cut(b)));
        part[to + EIGHTS] = uvec4(pack(a - cut(a)), pack(b - cut(b)));
    }
    if (eight == 0)
        back[at] = vec2(inverse(by.x), inverse(by.y));
}
