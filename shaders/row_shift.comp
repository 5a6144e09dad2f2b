#version 450
// SPDX-License-Identifier: BSD-2-Clause
// For every row, the power of two that brings its largest number to 2^14 or above and below 2^15.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant) uniform Params { lte_row_shift_params p; };
layout(binding = 0) readonly buffer X { uint x[]; };
layout(binding = 1) writeonly buffer Shift { int shift[]; };

shared uint largest[THREADS];

void main()
{
    const uint row = gl_WorkGroupID.x, i = gl_LocalInvocationID.x;
    uint most = 0; // bits of magnitudes order as these do
    for (uint c = i; c < p.width; c += THREADS)
        most = max(most, x[(p.first + row) * p.stride + c] & 0x7fffffffu);
    largest[i] = most;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            largest[i] = max(largest[i], largest[i + n]);
        barrier();
    }
    if (i == 0)
        shift[row] = LTE_SHIFT(int(largest[0] >> 23));
}
