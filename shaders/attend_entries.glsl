// SPDX-License-Identifier: BSD-2-Clause
// Four numbers of a key of attend_keys.glsl, or of its value, from 4 * quad on. A shader that
// includes this has bound k and v, each twice over.
#ifndef LTE_SHADERS_ATTEND_ENTRIES_GLSL
#define LTE_SHADERS_ATTEND_ENTRIES_GLSL

#include "attend_keys.glsl"
#include "attend_load.glsl"

vec4 load_call(uint row, uint quad, bool values)
{
    if (DIM % 4 == 0)
        return values ? v4[row * VECTORS + quad] : k4[row * VECTORS + quad];
    vec4 x = vec4(0);
    for (uint d = 4 * quad; d < min(4 * quad + 4, DIM); d++)
        x[d % 4] = values ? v[row * DIM + d] : k[row * DIM + d];
    return x;
}

vec4 load(uint i, uint quad, bool values)
{
    if (i >= held + used)
        return load_call((g.row + i - held - used) * p.heads + key_head, quad, values);
    const uint buffered = values ? p.slots_v : p.slots_k, ringed = values ? p.ring_v : p.ring_k;
    const uint row = i < held ? key_head * p.slots + i : key_head * p.ring + i - held;
    return load_state(g.state + (i < held ? buffered : ringed), row, quad);
}

#endif
