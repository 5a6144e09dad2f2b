#version 450
// SPDX-License-Identifier: BSD-2-Clause
// Memory read once, or copied, 16 bytes a thread at a time: what a device's memory can do at most.
layout(local_size_x = 256) in;
layout(push_constant) uniform Params { uint each, copies; }; // vectors of a thread
layout(binding = 0) buffer Y { uvec4 y[]; };
layout(binding = 1) readonly buffer X { uvec4 x[]; };

void main()
{
    const uint threads = gl_NumWorkGroups.x * gl_WorkGroupSize.x, first = gl_GlobalInvocationID.x;
    uvec4 sum = uvec4(0);
    for (uint i = 0; i < each; i += 4) { // four on their way at once
        const uvec4 a = x[first + i * threads], b = x[first + (i + 1) * threads];
        const uvec4 c = x[first + (i + 2) * threads], d = x[first + (i + 3) * threads];
        if (copies != 0) {
            y[first + i * threads] = a;
            y[first + (i + 1) * threads] = b;
            y[first + (i + 2) * threads] = c;
            y[first + (i + 3) * threads] = d;
        } else {
            sum ^= a ^ b ^ c ^ d;
        }
    }
    if (copies == 0)
        y[first] = sum;
}
