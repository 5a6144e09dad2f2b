#version 450
// SPDX-License-Identifier: BSD-2-Clause
// add, swiglu and silu of simd/activation.h over whole rows, taken as one long array.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(constant_id = 0) const uint FUNCTION = 0; // LTE_ELEMENTWISE_*

layout(push_constant) uniform Params { lte_elementwise_params p; };
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main()
{
    const uint step = gl_NumWorkGroups.x * THREADS;
    for (uint i = gl_GlobalInvocationID.x; i < p.count; i += step) {
        const float x = a[p.first + i];
        if (FUNCTION == LTE_ELEMENTWISE_ADD)
            y[p.first + i] = x + b[p.first + i];
        else if (FUNCTION == LTE_ELEMENTWISE_SWIGLU)
            y[p.first + i] = lte_silu(x) * b[p.first + i];
        else
            y[p.first + i] = lte_silu(x);
    }
}
