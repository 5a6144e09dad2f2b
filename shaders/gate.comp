#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What one number of a row does to another, vector by vector: split takes vectors out of a wider
// row, sdpa_gate multiplies by the sigmoid of a gate, loop_gate adds a weighted row.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(constant_id = 0) const uint FUNCTION = 0; // LTE_GATE_*

layout(push_constant) uniform Params { lte_gate_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Z { float z[]; };
layout(binding = 2) readonly buffer Weight { float weight[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main()
{
    const uint row = p.first + gl_WorkGroupID.y, i = gl_GlobalInvocationID.x;
    if (i >= p.y_stride)
        return;
    const uint vector = i / p.width, inside = p.one != 0 ? 0 : i % p.width;
    const uint other = row * p.z_stride + p.column + vector * p.stride + inside;
    const uint at = row * p.y_stride + i;
    if (FUNCTION == LTE_GATE_SPLIT)
        y[at] = z[other];
    else if (FUNCTION == LTE_GATE_SDPA)
        y[at] = x[at] * lte_sigmoid(z[other]);
    else
        y[at] = x[at] + weight[inside] * z[row * p.z_stride + i];
}
