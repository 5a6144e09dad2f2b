#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Multiply-adds in registers: what a device's fp32 arithmetic can do at most.
layout(local_size_x = 256) in;
layout(push_constant) uniform Params { uint rounds; };
layout(binding = 0) buffer Y { float y[]; };

void main()
{
    const uint i = gl_GlobalInvocationID.x;
    const vec4 m = vec4(0.999, 0.998, 0.997, 0.996) + float(i) * 1e-9;
    vec4 a = vec4(1.0), b = vec4(2.0), c = vec4(3.0), d = vec4(4.0);
    for (uint n = 0; n < rounds; n++) { // 32 multiply-adds
        a = fma(a, m, b);
        b = fma(b, m, c);
        c = fma(c, m, d);
        d = fma(d, m, a);
        a = fma(a, m, c);
        b = fma(b, m, d);
        c = fma(c, m, a);
        d = fma(d, m, b);
    }
    y[i] = dot(a + b + c + d, vec4(1.0));
}
