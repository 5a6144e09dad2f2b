#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What is left to do after attend_step: the shares of a query head become one, a workgroup each;
// and one more for each key head stores the token, and before that retains the one that it
// overwrites.
#extension GL_GOOGLE_include_directive : require
#define THREADS 256
#include "common.glsl"
#include "maths.glsl"

layout(constant_id = 0) const uint DIM = 64;
layout(constant_id = 1) const uint TYPE = 0;

const uint VECTORS = DIM / 4, PARTS = THREADS / VECTORS; // threads that share a quad's sum
const uint BATCH = 4;                                    // shares of a thread, at a time

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer Share { vec4 share[]; };
layout(binding = 1) readonly buffer Tail { vec2 tail[]; };
layout(binding = 2) writeonly buffer Out { vec4 o[]; };
layout(binding = 3) readonly buffer K { float k[]; };
layout(binding = 4) readonly buffer V { float v[]; };
layout(binding = 5) readonly buffer Score { uint score[]; }; // or logits of leaving
layout(binding = 6) buffer State { uint state[]; };
layout(binding = 7) readonly buffer Leaving { uvec4 leaving[]; };
#include "attend_store.glsl"

shared vec4 partial[THREADS];
shared vec2 tails[LTE_ATTEND_SPLITS]; // of a share: its maximum, its total

lte_vk_segment g;

void join(uint head)
{
    const uint i = gl_LocalInvocationID.x, part = i / VECTORS;
    const uint shares = p.heads * p.group * p.splits;
    const uint from = gl_WorkGroupID.z * shares + head * p.splits;
    vec4 x[BATCH], sum = vec4(0);
    for (uint n = 0; n < BATCH; n++)
        x[n] = share[(from + min(part + n * PARTS, p.splits - 1)) * VECTORS + i % VECTORS];
    if (i < p.splits)
        tails[i] = tail[gl_NumWorkGroups.z * shares * (DIM / 2) + from + i];
    barrier();
    float most = tails[0].x, total = 0;
    for (uint s = 1; s < p.splits; s++)
        most = max(most, tails[s].x);
    barrier();
    if (i < p.splits) {
        const float fall = lte_exp(tails[i].x - most);
        tails[i] = vec2(fall, fall * tails[i].y);
    }
    barrier();
    for (uint s = 0; s < p.splits; s++)
        total += tails[s].y;
    for (uint s = part; s < p.splits; s += BATCH * PARTS) {
        if (s > part)
            for (uint n = 0; n < BATCH; n++)
                x[n] = share[(from + min(s + n * PARTS, p.splits - 1)) * VECTORS + i % VECTORS];
        for (uint n = 0; n < BATCH; n++)
            if (s + n * PARTS < p.splits)
                sum += x[n] * tails[s + n * PARTS].x;
    }
    partial[i] = sum;
    barrier();
    if (i >= VECTORS)
        return;
    for (uint n = 1; n < PARTS; n++)
        sum += partial[n * VECTORS + i];
    o[(g.row * p.heads * p.group + head) * VECTORS + i] = total == 0.0 ? vec4(0) : sum / total;
}

void main()
{
    const uint head = gl_WorkGroupID.y;
    g = segment[p.segment + gl_WorkGroupID.z];
    if (gl_WorkGroupID.x < p.group) {
        join(head * p.group + gl_WorkGroupID.x);
        return;
    }
    const uvec4 slot = leaving[gl_WorkGroupID.z * p.heads + head]; // taken, score, slots in use
    if (slot.x != 0 && gl_LocalInvocationID.x == 0) {
        state[g.state + p.slots_score + head * p.slots + slot.x - 1] = slot.y;
        state[g.state + p.slots_used + 2 * head] = max(slot.x, slot.z);
    }
    if (p.stores != 0)
        store(g, 0, head, slot.x);
}
