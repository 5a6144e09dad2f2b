#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The largest logit of a row, the first of equals, never a NaN or what is no larger than -infinity.
// First every workgroup of a row finds the largest of its part, then one finds the largest of
// theirs.
#define THREADS 256
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(constant_id = 0) const bool LAST = false; // of the two

layout(push_constant) uniform Params { lte_pick_params p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) buffer Found { uvec2 found[]; }; // [rows][parts]: index, bits of the logit
layout(binding = 2) writeonly buffer Y { uint y[]; };

const uint NONE = 0xffffffffu;

shared uint best[THREADS];
shared float value[THREADS];

// Neither -infinity nor a NaN, which a comparison of numbers may miss.
bool counts(float v)
{
    const uint bits = floatBitsToUint(v);
    return bits != 0xff800000u && (bits & 0x7fffffffu) <= 0x7f800000u;
}

// The larger of two, the lower index of equals; NONE is beaten by all.
void take(inout uint i, inout float v, uint j, float w)
{
    if (j != NONE && (i == NONE || w > v || (w == v && j < i))) {
        i = j;
        v = w;
    }
}

void main()
{
    const uint row = gl_WorkGroupID.y, part = gl_WorkGroupID.x, me = gl_LocalInvocationID.x;
    uint i = NONE;
    float v = 0.0;
    if (LAST) {
        for (uint j = me; j < p.parts; j += THREADS)
            take(i, v, found[row * p.parts + j].x, uintBitsToFloat(found[row * p.parts + j].y));
    } else {
        for (uint j = part * THREADS + me; j < p.width; j += p.parts * THREADS) {
            const float w = x[row * p.stride + j];
            take(i, v, counts(w) ? j : NONE, w);
        }
    }
    best[me] = i;
    value[me] = v;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (me < n) {
            take(i, v, best[me + n], value[me + n]);
            best[me] = i;
            value[me] = v;
        }
        barrier();
    }
    if (me == 0 && LAST)
        y[row] = i;
    else if (me == 0)
        found[row * p.parts + part] = uvec2(i, floatBitsToUint(v));
}
