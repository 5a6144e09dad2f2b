#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Inputs for gemm_cooperative.comp: of every row, the power of two that brings its largest number
// to 2^14 or above and below 2^15, and what the numbers then are as sums of two f16: of 32 columns
// the high parts, then the low ones. Rows end in zeros.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "split.glsl"

layout(push_constant) uniform Params { lte_split_inputs_params p; };
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) writeonly buffer Shift { int shift[]; };
layout(binding = 2) writeonly buffer Parts { uvec4 part[]; };

shared uint largest[THREADS];

// All threads call it.
uint exponent(uint from)
{
    const uint i = gl_LocalInvocationID.x;
    uint most = 0; // bits of magnitudes order as these do
    for (uint c = i; c < p.width / 4; c += THREADS) {
        const uvec4 v = floatBitsToUint(x[from + c]) & 0x7fffffffu;
        most = max(most, max(max(v.x, v.y), max(v.z, v.w)));
    }
    largest[i] = most;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            largest[i] = max(largest[i], largest[i + n]);
        barrier();
    }
    return largest[0] >> 23;
}

void main()
{
    const uint row = gl_WorkGroupID.x, from = (p.first + row) * p.stride / 4;
    const int e = LTE_SHIFT(int(exponent(from)));
    const float scale = uintBitsToFloat(uint(127 + e) << 23);
    for (uint c = gl_LocalInvocationID.x; c < p.pitch / 2; c += THREADS) {
        const uint at = row * p.pitch + c / 4 * 8 + c % 4;
        vec4 a = vec4(0.0), b = vec4(0.0);
        if (8 * c < p.width) {
            a = x[from + 2 * c] * scale;
            b = x[from + 2 * c + 1] * scale;
        }
        part[at] = uvec4(pack(cut(a)), pack(cut(b)));
        part[at + 4] = uvec4(pack(a - cut(a)), pack(b - cut(b)));
    }
    if (gl_LocalInvocationID.x == 0)
        shift[row] = e;
}
