#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h, a token at a time.
#extension GL_GOOGLE_include_directive : require
#define THREADS 128
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_delta_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };

uint q_at, k_at;
float value, decay, beta;

void find(uint row, uint head, uint v)
{
    const uint from = row * p.stride, keys = head / p.group * p.key_dim;
    const uint at = row * p.gate_stride + head;
    q_at = from + p.q_column + keys;
    k_at = from + p.k_column + keys;
    value = v < p.value_dim ? qkv[from + p.v_column + head * p.value_dim + v] : 0.0;
    decay = lte_exp(gate[at]);
    beta = gate[at + p.value_heads];
}

float query(uint i) { return qkv[q_at + i]; }
float key(uint i) { return qkv[k_at + i]; }
float decays(uint i) { return decay; }
float change(float to_key) { return beta * (value - to_key); }

#include "delta.glsl"
