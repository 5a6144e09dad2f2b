#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h for one token, with what is before it: the l2norm of its q and k,
// its delta_gates, and perhaps the short convolution that q, k and v come from. A workgroup takes a
// block of 16 columns of a head's state. The norms are factors of the sums, and so is the decay, so
// that one barrier will do. A gated norm after it is done but for its root: squares are left.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#define THREADS 256
#include "common.glsl"
#include "delta_gates.glsl"

const uint COLUMNS = 16, LANES = THREADS / COLUMNS;
layout(constant_id = 0) const uint EACH = 16; // keys of a thread
layout(constant_id = 1) const uint TAPS = 0;  // of the convolution; 0: it was before
layout(constant_id = 2) const bool GATED = false;

layout(push_constant) uniform Params { lte_delta_step_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Qkv { float qkv[]; };
layout(binding = 2) readonly buffer Gates { float gate[]; };
layout(binding = 3) buffer State { float state[]; };
layout(binding = 4) writeonly buffer Out { float o[]; };
layout(binding = 5) readonly buffer Weights { float weight[]; };
layout(binding = 6) readonly buffer Z { float z[]; };
layout(binding = 7) writeonly buffer Squares { float squares[]; }; // [row][head][block]

shared float turned[2 * EACH * LANES]; // k and q
shared vec3 said[THREADS];             // what the state says to k and to q, and k . q
shared vec2 size[THREADS];             // k . k and q . q
shared float square[COLUMNS];

lte_vk_segment g;

// Channels of q, k and v: what they are made of, and what they are. Everything is on its way before
// the first number is waited for.
const uint SHARE = (EACH * LANES + THREADS - 1) / THREADS; // of q, and of k, of a thread
const uint VALUE = 2 * SHARE, INPUTS = TAPS > 0 ? TAPS : 1;
float input_of[(VALUE + 1) * INPUTS], tap[(VALUE + 1) * INPUTS];

void fetch(uint i, uint c)
{
    input_of[i * INPUTS + INPUTS - 1] = qkv[g.row * p.stride + c];
    [[unroll]] for (uint j = 0; j < TAPS; j++)
        tap[i * INPUTS + j] = weight[p.taps + j * p.stride + c];
    [[unroll]] for (uint j = 0; j + 1 < TAPS; j++)
        input_of[i * INPUTS + j] = state[g.state + p.tail + j * p.stride + c];
}

float convolve(uint i)
{
    float sum = 0.0;
    [[unroll]] for (uint j = 0; j < TAPS; j++)
        sum += tap[i * INPUTS + j] * input_of[i * INPUTS + j];
    return TAPS == 0 ? input_of[i] : lte_silu(sum);
}

void main()
{
    const uint n = gl_LocalInvocationID.x, column = n % COLUMNS, lane = n / COLUMNS;
    const uint head = gl_WorkGroupID.y, v = gl_WorkGroupID.x * COLUMNS + column;
    const uint keys = head / p.group * p.key_dim;
    const uint vector = head * p.value_dim + min(v, p.value_dim - 1);
    g = segment[p.segment + gl_WorkGroupID.z];
    const uint at = g.state + p.state + column +
                    (head * gl_NumWorkGroups.x + gl_WorkGroupID.x) * p.key_dim * COLUMNS;
    const uint gates = g.row * p.gate_stride + head;
    float k[EACH], s[EACH];
    [[unroll]] for (uint i = 0; i < SHARE; i++) {
        const uint c = keys + min(i * THREADS + n, p.key_dim - 1);
        fetch(i, p.k_column + c);
        fetch(SHARE + i, p.q_column + c);
    }
    fetch(VALUE, p.v_column + vector);
    [[unroll]] for (uint j = 0; j < EACH; j++)
        s[j] = state[at + min(j * LANES + lane, p.key_dim - 1) * COLUMNS];
    const float a = gate[gates], b = gate[gates + p.value_heads];
    const float neg_exp_A = weight[p.decays != 0 ? head : 0];
    const float dt_bias = weight[p.decays != 0 ? p.value_heads + head : 0];
    const float z_of_column = GATED ? z[g.row * p.z_stride + vector] : 0.0;
    const float norm = GATED ? weight[p.norm + head * p.own + vector - head * p.value_dim] : 0.0;
    [[unroll]] for (uint i = 0; i < SHARE; i++) {
        const uint c = i * THREADS + n;
        if (c < EACH * LANES) {
            turned[c] = c < p.key_dim ? convolve(i) : 0.0;
            turned[EACH * LANES + c] = c < p.key_dim ? convolve(SHARE + i) : 0.0;
        }
    }
    const float value = convolve(VALUE);
    const float beta = p.beta_scale * lte_sigmoid(b);
    const float factor = GATED ? norm * lte_silu(z_of_column) : 1.0;
    const float decay =
        p.decays == 0 ? 1.0 : lte_exp(lte_log_decay(a, neg_exp_A, dt_bias, p.lower_bound));
    barrier();
    vec3 x = vec3(0);
    vec2 y = vec2(0);
    [[unroll]] for (uint j = 0; j < EACH; j++) {
        const float q = turned[(EACH + j) * LANES + lane];
        k[j] = turned[j * LANES + lane];
        x += vec3(k[j], q, k[j]) * vec3(s[j], s[j], q);
        y += vec2(k[j], q) * vec2(k[j], q);
    }
    said[n] = x;
    size[n] = y;
    barrier();
    x = vec3(0);
    y = vec2(0);
    [[unroll]] for (uint l = 0; l < LANES; l++) {
        x += said[l * COLUMNS + column];
        y += size[l * COLUMNS + column];
    }
    const float of_k = inversesqrt(y.x + p.eps), of_q = inversesqrt(y.y + p.eps) * p.scale;
    const float d = v < p.value_dim ? beta * (value - decay * of_k * x.x) : 0.0;
    const float out_of = v < p.value_dim ? of_q * (decay * x.y + of_k * x.z * d) : 0.0;
    if (lane == 0 && v < p.value_dim)
        o[g.row * gl_NumWorkGroups.y * p.value_dim + vector] = out_of * factor;
    if (lane == 0)
        square[column] = out_of * out_of;
    [[unroll]] for (uint j = 0; j < EACH; j++)
        if (j * LANES + lane < p.key_dim)
            state[at + (j * LANES + lane) * COLUMNS] = s[j] * decay + k[j] * of_k * d;
    if (!GATED)
        return;
    barrier();
    if (n == 0) {
        float sum = 0.0;
        [[unroll]] for (uint i = 0; i < COLUMNS; i++)
            sum += square[i];
        squares[(g.row * gl_NumWorkGroups.y + head) * gl_NumWorkGroups.x + gl_WorkGroupID.x] = sum;
    }
}
