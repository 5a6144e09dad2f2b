// SPDX-License-Identifier: BSD-2-Clause
// The recurrence of simd/delta_rule.h and simd/diag_rule.h, a workgroup a block of 16 columns of a
// head's state, which stays in registers while the tokens pass. A thread has one column and every
// LANES-th key, so that a workgroup's loads are contiguous. What the decayed state says to k and to q
// and how alike these are is summed in one go, and o = (A S)^T q + (k . q) d: one barrier a token.
#define THREADS 128
#include "common.glsl"
#include "maths.glsl"

const uint COLUMNS = 16, LANES = THREADS / COLUMNS;
layout(constant_id = 0) const uint EACH = 16; // keys of a thread

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };

shared vec3 said[2][THREADS]; // two, so that the next token's does not meet this one's readers

uint column, lane;
float s[EACH];

// The sum over the lanes of a column: to k, to q, and of k with q.
vec3 total(vec3 x, uint t)
{
    said[t & 1][gl_LocalInvocationID.x] = x;
    barrier();
    x = said[t & 1][column];
    for (uint l = 1; l < LANES; l++)
        x += said[t & 1][l * COLUMNS + column];
    return x;
}

void token(uint t, uint row, uint head, uint v)
{
    const uint q_at = row * p.stride + p.q_column + head / p.group * p.key_dim;
    const uint k_at = row * p.stride + p.k_column + head / p.group * p.key_dim;
    const uint gates = row * p.gate_stride, beta_at = gates + p.value_heads * p.decays + head;
    float k[EACH];
    vec3 x = vec3(0);
    const float a = lte_exp(gate[gates + head]);
    for (uint j = 0; j < EACH; j++) {
        const uint i = j * LANES + lane;
        const bool inside = i < p.key_dim;
        const float q = inside ? qkv[q_at + i] : 0.0;
        k[j] = inside ? qkv[k_at + i] : 0.0;
#ifdef CHANNELS
        s[j] *= inside ? lte_exp(gate[gates + head * p.decays + i]) : 0.0;
#else
        s[j] *= a;
#endif
        x += vec3(k[j], q, k[j]) * vec3(s[j], s[j], q);
    }
    x = total(x, t);
    float d = v < p.value_dim ? qkv[row * p.stride + p.v_column + head * p.value_dim + v] : 0.0;
    if (p.erase != 0)
        d = gate[beta_at] * (d - x.x);
    for (uint j = 0; j < EACH; j++)
        s[j] += k[j] * d;
    if (lane == 0 && v < p.value_dim)
        o[(row * p.value_heads + head) * p.value_dim + v] = x.y + x.z * d;
}

void main()
{
    column = gl_LocalInvocationID.x % COLUMNS;
    lane = gl_LocalInvocationID.x / COLUMNS;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint head = gl_WorkGroupID.y, v = gl_WorkGroupID.x * COLUMNS + column;
    const uint first = g.state + (head * gl_NumWorkGroups.x + gl_WorkGroupID.x) * p.key_dim * COLUMNS;
    const uint at = first + gl_LocalInvocationID.x;
    for (uint j = 0; j < EACH; j++)
        s[j] = j * LANES + lane < p.key_dim ? state[at + j * THREADS] : 0.0;
    for (uint t = 0; t < g.rows; t++)
        token(t, g.row + t, head, v);
    for (uint j = 0; j < EACH; j++)
        if (j * LANES + lane < p.key_dim)
            state[at + j * THREADS] = s[j];
}
