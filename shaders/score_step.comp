#version 450
// SPDX-License-Identifier: BSD-2-Clause
// lte_score of a single token: a workgroup takes a head through all convolutions and renews what
// they keep. The bits are those of score_conv.
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
#include "common.glsl"
#include "score.glsl"

const uint BLOCKS = THREADS / (OUTS * PARTS); // of outputs, at a time
const uint INPUTS = 2048;                     // of all convolutions, and the logit

layout(push_constant) uniform Params { lte_score_stack_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) buffer State { float state[]; };
layout(binding = 2) readonly buffer K { float k[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer Weight { float weight[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

shared float x[INPUTS];
shared float partial[THREADS];

struct conv {
    uint inputs, outputs, taps, dilation, kept;
    uint input_at, state_at;  // of its input in x, of its history in the state
    uint weight_at, bias_at;
    bool before, last;        // before: the output is that of a token before the first
};

uint head;

// The sum of output o, for the first of its threads.
float product(const conv c, uint o)
{
    const uint i = gl_LocalInvocationID.x, part = i / OUTS % PARTS;
    const uint from = c.weight_at + min(o, c.outputs - 1);
    float sum = 0;
    for (uint j = 0; j < c.taps; j++)
        for (uint n = part; n < c.inputs; n += PARTS) {
            const float value = j + 1 == c.taps
                                     ? x[c.input_at + n]
                                     : state[c.state_at + j * c.dilation * c.inputs + n];
            sum = fma(weight[from + (j * c.inputs + n) * c.outputs], value, sum);
        }
    barrier();
    partial[i] = sum;
    barrier();
    sum = 0;
    for (uint n = 0; n < PARTS; n++)
        sum += partial[i / (OUTS * PARTS) * OUTS * PARTS + n * OUTS + i % OUTS];
    return sum;
}

void convolve(const conv c, uint row)
{
    const uint i = gl_LocalInvocationID.x;
    for (uint first = 0; first < c.outputs; first += BLOCKS * OUTS) {
        const uint o = first + i / (OUTS * PARTS) * OUTS + i % OUTS;
        const float z = product(c, o) + weight[c.bias_at + min(o, c.outputs - 1)];
        if (i / OUTS % PARTS != 0 || o >= c.outputs)
            continue;
        if (c.last)
            y[row * p.heads + head] = lte_retention(c.before ? 0.0 : z, p.relu != 0);
        else
            x[c.input_at + c.inputs + o] = c.before ? 0.0 : lte_silu(z);
    }
    barrier();
}

void keep(const conv c)
{
    for (uint n = gl_LocalInvocationID.x; c.kept > 0 && n < c.inputs; n += THREADS) {
        for (uint t = 0; t + 1 < c.kept; t++)
            state[c.state_at + t * c.inputs + n] = state[c.state_at + (t + 1) * c.inputs + n];
        state[c.state_at + (c.kept - 1) * c.inputs + n] = x[c.input_at + n];
    }
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint dim = (p.shape[0] >> 16) / 2;
    head = gl_WorkGroupID.y;
    for (uint n = gl_LocalInvocationID.x; n < dim; n += THREADS) {
        x[n] = k[(g.row * p.heads + head) * dim + n];
        x[n + dim] = v[(g.row * p.heads + head) * dim + n];
    }
    barrier();
    uint input_at = 0, state_at = g.state + head * p.head_state, weights = 0, late = 0;
    for (uint i = 0; i < p.convs; i++) {
        conv c;
        c.inputs = p.shape[i] >> 16;
        c.last = i + 1 == p.convs;
        c.outputs = c.last ? 1 : p.shape[min(i + 1, p.convs - 1)] >> 16;
        c.kept = p.shape[i] & 0xffffu;
        c.taps = p.taps[i] >> 16;
        c.dilation = c.taps > 1 ? c.kept / (c.taps - 1) : 0;
        c.input_at = input_at;
        c.state_at = state_at;
        const uint set = c.taps * c.inputs * c.outputs, sets = p.groups != 0 ? p.heads : 1;
        c.weight_at = weights + (p.groups != 0 ? head * set : 0);
        c.bias_at = weights + sets * set + (p.groups != 0 ? head * c.outputs : 0);
        late += p.taps[i] & 0xffffu;
        c.before = g.position < late;
        convolve(c, g.row);
        keep(c); // nobody reads this history again
        input_at += c.inputs;
        state_at += c.kept * c.inputs;
        weights += sets * (set + c.outputs);
    }
}
