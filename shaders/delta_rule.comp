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

uint q_at, k_at, v_at, beta_at;
float decay;

void find(uint row, uint head)
{
    const uint from = row * p.stride, keys = head / p.group * p.key_dim;
    q_at = from + p.q_column + keys;
    k_at = from + p.k_column + keys;
    v_at = from + p.v_column + head * p.value_dim;
    decay = lte_exp(gate[row * p.gate_stride + head]);
    beta_at = row * p.gate_stride + p.value_heads + head;
}

float query(uint i) { return qkv[q_at + i]; }
float key(uint i) { return qkv[k_at + i]; }
float decays(uint i) { return decay; }
float change(uint v, float to_key) { return gate[beta_at] * (qkv[v_at + v] - to_key); }

#include "delta.glsl"
