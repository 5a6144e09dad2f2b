#version 450
// SPDX-License-Identifier: BSD-2-Clause
// attend over buffer, ring and this call.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"
#include "weights.glsl"

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { uint state[]; };
layout(binding = 1) readonly buffer State2 { uvec2 state2[]; };
layout(binding = 1) readonly buffer State4 { uvec4 state4[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) readonly buffer K { float k[]; };
layout(binding = 3) readonly buffer K4 { vec4 k4[]; };
layout(binding = 4) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer V4 { vec4 v4[]; };
layout(binding = 5) readonly buffer Plan { uint plan[]; };
layout(binding = 6) writeonly buffer Out { float o[]; };
#include "attend.glsl"
#include "attend_entries.glsl"
