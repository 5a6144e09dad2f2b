#version 450
// SPDX-License-Identifier: BSD-2-Clause
// diag_rule of simd/diag_rule.h, a token at a time: a decay for every key channel or one for all,
// and each of what a head reads in a value of its own.
#extension GL_GOOGLE_include_directive : require
#define THREADS 128
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_diag_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Q { float q[]; };
layout(binding = 2) readonly buffer K { float k[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer Decay { float log_decay[]; };
layout(binding = 5) readonly buffer Beta { float beta[]; };
layout(binding = 6) buffer State { float state[]; };
layout(binding = 7) writeonly buffer Out { float o[]; };

uint q_at, k_at, decay_at;
float value, weight;
float decay; // of all channels, if they have one

// Where `head` begins to read a source in a row; n: numbers of a head.
uint place(uint source, uint row, uint head, uint n)
{
    return row * p.stride[source] + p.column[source] + head / p.group[source] * n;
}

void find(uint row, uint head, uint i)
{
    q_at = place(LTE_DIAG_Q, row, head, p.key_dim);
    k_at = place(LTE_DIAG_K, row, head, p.key_dim);
    decay_at = place(LTE_DIAG_DECAY, row, head, p.decays);
    decay = p.decays == 1 ? lte_exp(log_decay[decay_at]) : 0.0;
    value = i < p.value_dim ? v[place(LTE_DIAG_V, row, head, p.value_dim) + i] : 0.0;
    weight = p.step == LTE_DIAG_ADDS ? 1.0 : beta[place(LTE_DIAG_BETA, row, head, 1)];
}

float query(uint i) { return q[q_at + i]; }
float key(uint i) { return k[k_at + i]; }
float decays(uint i) { return p.decays == 1 ? decay : lte_exp(log_decay[decay_at + i]); }

float change(float to_key)
{
    return weight * (p.step == LTE_DIAG_ERASES ? value - to_key : value);
}

#include "delta.glsl"
