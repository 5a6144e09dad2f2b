#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h for one token, with the l2norm of its q and k and its delta_gates,
// which come to it as they were before: a workgroup a block of 16 columns of a head's state. The
// norms are factors of the sums, and so is the decay, so that one barrier will do.
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
#include "common.glsl"
#include "delta_gates.glsl"

const uint COLUMNS = 16, LANES = THREADS / COLUMNS;
layout(constant_id = 0) const uint EACH = 16; // keys of a thread

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };
layout(binding = 5) readonly buffer NegExpA { float neg_exp_A[]; };
layout(binding = 6) readonly buffer Bias { float dt_bias[]; };

shared vec3 said[THREADS]; // what the state says to k and to q, and k . q
shared vec2 size[THREADS]; // k . k and q . q

void main()
{
    const uint n = gl_LocalInvocationID.x, column = n % COLUMNS, lane = n / COLUMNS;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint head = gl_WorkGroupID.y, v = gl_WorkGroupID.x * COLUMNS + column;
    const uint at = g.state + (head * gl_NumWorkGroups.x + gl_WorkGroupID.x) * p.key_dim * COLUMNS + n;
    const uint row = g.row * p.stride, keys = head / p.group * p.key_dim;
    const uint gates = g.row * p.gate_stride + head;
    float k[EACH], s[EACH];
    vec3 x = vec3(0);
    vec2 y = vec2(0);
    for (uint j = 0; j < EACH; j++) {
        const uint i = j * LANES + lane;
        const bool inside = i < p.key_dim;
        const float q = inside ? qkv[row + p.q_column + keys + i] : 0.0;
        k[j] = inside ? qkv[row + p.k_column + keys + i] : 0.0;
        s[j] = inside ? state[at + j * THREADS] : 0.0;
        x += vec3(k[j], q, k[j]) * vec3(s[j], s[j], q);
        y += vec2(k[j], q) * vec2(k[j], q);
    }
    const float value = v < p.value_dim ? qkv[row + p.v_column + head * p.value_dim + v] : 0.0;
    const float decay =
        p.decays == 0 ? 1.0
                      : lte_exp(lte_log_decay(gate[gates], neg_exp_A[head], dt_bias[head], p.lower_bound));
    const float beta = p.beta_scale * lte_sigmoid(gate[gates + p.value_heads]);
    said[n] = x;
    size[n] = y;
    barrier();
    x = vec3(0);
    y = vec2(0);
    for (uint l = 0; l < LANES; l++) {
        x += said[l * COLUMNS + column];
        y += size[l * COLUMNS + column];
    }
    const float of_k = inversesqrt(y.x + p.eps), of_q = inversesqrt(y.y + p.eps) * p.scale;
    const float d = v < p.value_dim ? beta * (value - decay * of_k * x.x) : 0.0;
    for (uint j = 0; j < EACH; j++)
        if (j * LANES + lane < p.key_dim)
            state[at + j * THREADS] = s[j] * decay + k[j] * of_k * d;
    if (lane == 0 && v < p.value_dim)
        o[(g.row * gl_NumWorkGroups.y + head) * p.value_dim + v] =
            of_q * (decay * x.y + of_k * x.z * d);
}
