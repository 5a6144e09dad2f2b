#version 450
// SPDX-License-Identifier: BSD-2-Clause
// How much a query's heads want every complete block: the sum of their softmaxes over the blocks'
// means. A workgroup a query of a key head; a thread every THREADS-th block, with four heads at a
// time. The products are formed twice, before and after the sums of the softmax are known.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "maths.glsl"

layout(push_constant) uniform Params { lte_nsa_score_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { float state[]; };
layout(binding = 2) readonly buffer Q { float q[]; };
layout(binding = 3) buffer Score { float score[]; };

const float LOWEST = -3.402823466e38;
shared vec4 highs[THREADS], totals[THREADS];

uint means, queries; // where the head's means begin, and four heads' queries
uint heads;          // of these, how many there are

vec4 products(uint block)
{
    const uint at = means + block * p.head_dim;
    vec4 sum = vec4(0);
    for (uint d = 0; d < p.head_dim; d++) {
        const float k = state[at + d];
        sum.x += q[queries + d] * k;
        if (heads > 1)
            sum.y += q[queries + p.head_dim + d] * k;
        if (heads > 2)
            sum.z += q[queries + 2 * p.head_dim + d] * k;
        if (heads > 3)
            sum.w += q[queries + 3 * p.head_dim + d] * k;
    }
    return p.scale * sum;
}

vec4 exp4(vec4 x)
{
    return vec4(lte_exp(x.x), lte_exp(x.y), lte_exp(x.z), lte_exp(x.w));
}

// The largest product of each head, and the sum of the exponentials relative to it.
void sum_up(uint blocks, out vec4 high, out vec4 total)
{
    const uint me = gl_LocalInvocationID.x;
    high = vec4(LOWEST);
    total = vec4(0);
    for (uint b = me; b < blocks; b += THREADS) {
        const vec4 x = products(b), most = max(high, x);
        total = total * exp4(high - most) + exp4(x - most);
        high = most;
    }
    barrier();
    highs[me] = high;
    totals[me] = total;
    barrier();
    for (uint n = THREADS / 2; n > 0; n /= 2) {
        if (me < n) {
            const vec4 most = max(highs[me], highs[me + n]);
            totals[me] = totals[me] * exp4(highs[me] - most) +
                         totals[me + n] * exp4(highs[me + n] - most);
            highs[me] = most;
        }
        barrier();
    }
    high = highs[0];
    total = totals[0];
}

void main()
{
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint i = p.first + gl_WorkGroupID.x, key_head = gl_WorkGroupID.y;
    const uint position = g.position + i, blocks = (position + 1) / p.block;
    const uint row = gl_WorkGroupID.z * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint list = row * gl_NumWorkGroups.y + key_head;
    if (i >= g.rows || position / p.block < p.top) // all are selected
        return;
    means = g.state + p.pool_k + key_head * p.blocks * p.head_dim;
    for (uint h = 0; h < p.group; h += 4) {
        vec4 high, total;
        heads = min(p.group - h, 4);
        queries = (((g.row + i) * gl_NumWorkGroups.y + key_head) * p.group + h) * p.head_dim;
        sum_up(blocks, high, total);
        for (uint b = gl_LocalInvocationID.x; b < blocks; b += THREADS) {
            const vec4 x = exp4(products(b) - high) / total;
            const uint at = list * p.stride + b;
            score[at] = (h == 0 ? 0.0 : score[at]) + x.x + (heads > 1 ? x.y : 0.0) +
                        (heads > 2 ? x.z : 0.0) + (heads > 3 ? x.w : 0.0);
        }
    }
}
