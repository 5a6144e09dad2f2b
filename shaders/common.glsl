// SPDX-License-Identifier: BSD-2-Clause
// What the shaders share: sums over a workgroup, without and with subgroups' help.
#ifndef LTE_SHADERS_COMMON_GLSL
#define LTE_SHADERS_COMMON_GLSL

#extension GL_GOOGLE_include_directive : require
#include "params.h"

// Threads of a workgroup; a shader that differs says so before it includes this, with a number or with
// that of a specialization constant.
#ifdef THREADS_CONSTANT
layout(local_size_x_id = THREADS_CONSTANT) in;
layout(constant_id = THREADS_CONSTANT) const uint THREADS = 128;
#else
#ifndef THREADS
#define THREADS 128
#endif
layout(local_size_x = THREADS) in;
#endif

shared float lte_partial[THREADS];

// The sum of every thread's x, in an order that the thread's number alone decides. All threads call
// it.
float lte_sum(float x)
{
    const uint i = gl_LocalInvocationID.x;
    barrier();
    lte_partial[i] = x;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (i < n)
            lte_partial[i] += lte_partial[i + n];
        barrier();
    }
    return lte_partial[0];
}

#endif
