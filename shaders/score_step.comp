#version 450
// SPDX-License-Identifier: BSD-2-Clause
// lte_score of a single token: a workgroup takes a head through all convolutions and renews what
// they keep. The bits are those of score_conv. What does not wait for the convolution before,
// weights and histories, is on its way early, much of it at a time.
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
#include "common.glsl"
#include "score.glsl"

const uint QUADS = THREADS / PARTS; // of outputs, at a time
const uint BATCH = 12, LOADS = 4;   // weights and inputs of a thread, at a time

layout(push_constant) uniform Params { lte_score_stack_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) buffer State { float state[]; };
layout(binding = 2) readonly buffer K { float k[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer Weight { float weight[]; };
layout(binding = 4) readonly buffer Weight4 { vec4 weight4[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

shared float x[LTE_SCORE_ROOM]; // of every convolution the history, then the input
shared float partial[PARTS * 4 * QUADS];

struct conv {
    uint inputs, outputs, taps, dilation, kept;
    uint channels, products, quads; // of a part; its products; of outputs
    uint at, state_at;            // of its history in x, and in the state
    uint weight_at, bias_at, weight_end;
    bool last;
};

lte_vk_segment g;
uint head;
vec4 w[BATCH]; // this thread's next weights
float bias;    // and the bias of the output that it finishes

// Convolution i of those whose first words are given.
conv convolution(uint i, uint at, uint state_at, uint weight_from)
{
    conv c;
    c.inputs = p.shape[i] >> 16;
    c.last = i + 1 == p.convs;
    c.outputs = c.last ? 1 : p.shape[min(i + 1, p.convs - 1)] >> 16;
    c.kept = p.shape[i] & 0xffffu;
    c.taps = p.taps[i] >> 16;
    c.dilation = c.taps > 1 ? c.kept / (c.taps - 1) : 0;
    c.channels = (c.inputs + PARTS - 1) / PARTS;
    c.products = LTE_SCORE_LENGTH(c.taps * c.channels);
    c.quads = (c.outputs + 3) / 4;
    c.at = at;
    c.state_at = state_at;
    const uint set = PARTS * c.products * 4 * c.quads, sets = p.groups != 0 ? p.heads : 1;
    const uint mine = p.groups != 0 ? head : 0;
    c.weight_at = weight_from + mine * set;
    c.bias_at = weight_from + sets * set + mine * 4 * c.quads;
    c.weight_end = weight_from + sets * (set + 4 * c.quads);
    return c;
}

conv after(const conv c, uint i)
{
    return convolution(i, c.at + (c.kept + 1) * c.inputs, c.state_at + c.kept * c.inputs,
                       c.weight_end);
}

// Products from .. of the thread's part of quad first + i % QUADS.
void fetch(const conv c, uint first, uint from)
{
    const uint i = gl_LocalInvocationID.x, quad = first + i % QUADS;
    const uint at = c.weight_at / 4 + i / QUADS * c.products * c.quads + min(quad, c.quads - 1);
    for (uint n = 0; n < BATCH; n++)
        w[n] = weight4[at + min(from + n, c.products - 1) * c.quads];
    if (from == 0)
        bias = weight[c.bias_at + min(4 * first + i, c.outputs - 1)];
}

// Of all convolutions what they keep, and keys and values, which are the first one's input.
void load_inputs()
{
    const uint dim = (p.shape[0] >> 16) / 2, row = (g.row * p.heads + head) * dim;
    const uint from = g.state + head * p.head_state, count = p.head_state + 2 * dim;
    for (uint first = gl_LocalInvocationID.x; first < count; first += LOADS * THREADS) {
        float z[LOADS];
        for (uint n = 0; n < LOADS; n++) {
            const uint e = min(first + n * THREADS, count - 1), c = e - p.head_state;
            z[n] = e < p.head_state ? state[from + e] : c < dim ? k[row + c] : v[row + c - dim];
        }
        for (uint n = 0; n < LOADS; n++) {
            const uint e = first + n * THREADS;
            uint at = e, end = 0;
            for (uint i = 0; i + 1 < p.convs; i++) { // inputs lie between the histories
                end += (p.shape[i] >> 16) * (p.shape[i] & 0xffffu);
                at += e < end ? 0 : p.shape[i] >> 16;
            }
            if (e >= p.head_state)
                at = e - p.head_state + (p.shape[0] >> 16) * (p.shape[0] & 0xffffu);
            if (e < count)
                x[at] = z[n];
        }
    }
}

// The sum of the thread's part for four outputs, whose first weights are there.
vec4 product(const conv c, uint first)
{
    const uint part = gl_LocalInvocationID.x / QUADS;
    vec4 sum = vec4(0);
    for (uint from = 0; from < c.products; from += BATCH) {
        if (from > 0)
            fetch(c, first, from);
        uint tap = from / c.channels, channel = from % c.channels;
        for (uint n = 0; n < BATCH; n++) {
            const uint at = part * c.channels + channel;
            const bool valid = tap < c.taps && at < c.inputs && from + n < c.products;
            const float value = valid ? x[c.at + tap * c.dilation * c.inputs + at] : 0.0;
            sum = fma(w[n], vec4(value), sum);
            channel++;
            tap += channel == c.channels ? 1 : 0;
            channel = channel == c.channels ? 0 : channel;
        }
    }
    return sum;
}

// The sums of all parts, to the next convolution's input at `to`.
void finish(const conv c, uint first, uint to, float bias, bool before)
{
    const uint o = 4 * first + gl_LocalInvocationID.x;
    if (gl_LocalInvocationID.x >= 4 * QUADS || o >= c.outputs)
        return;
    float z = 0;
    for (uint part = 0; part < PARTS; part++)
        z += partial[part * 4 * QUADS + gl_LocalInvocationID.x];
    z += bias;
    if (c.last)
        y[g.row * p.heads + head] = lte_retention(before ? 0.0 : z, p.relu != 0);
    else
        x[to + o] = before ? 0.0 : lte_silu(z);
}

// The history is what it was, with this token's input behind it, but for the oldest.
void keep(const conv c)
{
    for (uint n = gl_LocalInvocationID.x; n < c.kept * c.inputs; n += THREADS)
        state[c.state_at + n] = x[c.at + c.inputs + n];
}

void main()
{
    const uint i = gl_LocalInvocationID.x;
    uint late = 0;
    head = gl_WorkGroupID.y;
    conv c = convolution(0, 0, 0, 0);
    fetch(c, 0, 0);
    g = segment[p.segment + gl_WorkGroupID.z];
    c.state_at = g.state + head * p.head_state;
    load_inputs();
    barrier();
    for (uint n = 0; n < p.convs; n++) {
        const conv next = after(c, min(n + 1, p.convs - 1));
        late += p.taps[n] & 0xffffu;
        for (uint first = 0; first < c.quads; first += QUADS) {
            const vec4 sum = product(c, first);
            const float own = bias;
            for (uint o = 0; o < 4; o++)
                partial[i / QUADS * 4 * QUADS + i % QUADS * 4 + o] = sum[o];
            if (first + QUADS < c.quads)
                fetch(c, first + QUADS, 0);
            else if (!c.last)
                fetch(next, 0, 0);
            barrier();
            finish(c, first, next.at + next.kept * next.inputs, own, g.position < late);
            barrier();
        }
        keep(c);
        c = next;
    }
}
