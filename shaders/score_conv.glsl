// SPDX-License-Identifier: BSD-2-Clause
// One convolution of lte_score (simd/router.h) as a product of matrices: a workgroup has TOKENS
// tokens of a head and 4 * QUADS outputs. Inputs and weights come through shared memory, STAGE
// products of a sum at a time.
#define THREADS 256
#include "common.glsl"
#include "score.glsl"

layout(constant_id = 0) const uint QUADS = 16;   // of outputs; a power of two up to 16
layout(constant_id = 1) const uint TAPS = 3;
layout(constant_id = 2) const uint CHANNELS = 8; // of a part
layout(constant_id = 3) const uint RUNS = 2;     // of a stage, a power of two up to PARTS

const uint TOKENS = 64;
const uint LENGTH = LTE_SCORE_LENGTH(TAPS * CHANNELS);
const uint RUN = LENGTH < LTE_SCORE_RUN ? LENGTH : LTE_SCORE_RUN, STAGE = RUNS * RUN;
const uint EACH = TOKENS * QUADS > THREADS ? TOKENS * QUADS / THREADS : 1; // tokens of a thread
const uint GROUPS = TOKENS / EACH;
const uint LOADS = (STAGE * TOKENS + THREADS - 1) / THREADS;
const uint WEIGHTS = (STAGE * QUADS + THREADS - 1) / THREADS;
const uint STRIDE = TOKENS + 1; // no two threads at one bank

layout(push_constant) uniform Params { lte_score_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) readonly buffer State { float state[]; };
layout(binding = 2) readonly buffer X { float x[]; };
layout(binding = 3) readonly buffer V { float v[]; };
layout(binding = 4) readonly buffer Weight { float weight[]; };
layout(binding = 4) readonly buffer Weight4 { vec4 weight4[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

shared float inputs[STAGE * STRIDE];
shared vec4 weights[STAGE * QUADS];

lte_vk_segment g;
uint first, first_quad, quads; // of the workgroup; quads of the convolution
vec4 sum[EACH], whole[EACH];   // of the part, of the parts so far

// Channel c of row t of history and input; rows beyond the last are not used.
float value(uint t, uint c)
{
    const uint kept = (TAPS - 1) * p.dilation, head = gl_WorkGroupID.y;
    if (t < kept)
        return state[g.state + p.history + head * p.head_state + t * p.inputs + c];
    t = min(t - kept, g.rows - 1);
#ifdef FIRST
    const uint dim = p.inputs / 2, at = ((g.row + t) * gl_NumWorkGroups.y + head) * dim;
    return c < dim ? x[at + c] : v[at + c - dim];
#else
    return x[((gl_WorkGroupID.z * gl_NumWorkGroups.y + head) * p.rows + t) * p.inputs + c];
#endif
}

// What product n of a sum multiplies, for token t of the workgroup.
float factor(uint n, uint t)
{
    const uint part = n / LENGTH, tap = n % LENGTH / CHANNELS;
    const uint c = part * CHANNELS + n % LENGTH % CHANNELS;
    return tap < TAPS && c < p.inputs ? value(first + t + tap * p.dilation, c) : 0.0;
}

// All are on their way before the first is waited for.
void load_stage(uint from, uint weight_at)
{
    const uint i = gl_LocalInvocationID.x;
    float a[LOADS];
    vec4 b[WEIGHTS];
    for (uint n = 0; n < WEIGHTS; n++) {
        const uint e = min(i + n * THREADS, STAGE * QUADS - 1);
        const uint quad = min(first_quad + e % QUADS, quads - 1);
        b[n] = weight4[weight_at + (from + e / QUADS) * quads + quad];
    }
    for (uint n = 0; n < LOADS; n++) {
        const uint e = min(i + n * THREADS, STAGE * TOKENS - 1);
        a[n] = factor(from + e % STAGE, e / STAGE);
    }
    barrier();
    for (uint n = 0; n < WEIGHTS; n++)
        if (i + n * THREADS < STAGE * QUADS)
            weights[i + n * THREADS] = b[n];
    for (uint n = 0; n < LOADS; n++) {
        const uint e = i + n * THREADS;
        if (e < STAGE * TOKENS)
            inputs[e % STAGE * STRIDE + e / STAGE] = a[n];
    }
    barrier();
}

void add_run(uint run)
{
    const uint quad = gl_LocalInvocationID.x % QUADS;
    const uint token = gl_LocalInvocationID.x / QUADS % GROUPS;
    for (uint n = run * RUN; n < run * RUN + RUN; n++) {
        const vec4 w = weights[n * QUADS + quad];
        for (uint t = 0; t < EACH; t++)
            sum[t] = fma(w, vec4(inputs[n * STRIDE + token + t * GROUPS]), sum[t]);
    }
}

void write(uint t, uint o, float x)
{
    const uint head = gl_WorkGroupID.y;
    const bool before = g.position + t < p.late; // of a token before the first
    if (p.last != 0) {
        x = before ? 0.0 : x;
        y[(g.row + t) * gl_NumWorkGroups.y + head] = lte_retention(x, p.relu != 0);
    } else {
        y[((gl_WorkGroupID.z * gl_NumWorkGroups.y + head) * p.rows + t) * p.outputs + o] =
            before ? 0.0 : lte_silu(x);
    }
}

void main()
{
    const uint i = gl_LocalInvocationID.x, set = p.groups != 0 ? gl_WorkGroupID.y : 0;
    quads = (p.outputs + 3) / 4;
    const uint blocks = (quads + QUADS - 1) / QUADS;
    first = gl_WorkGroupID.x / blocks * TOKENS;
    first_quad = gl_WorkGroupID.x % blocks * QUADS;
    g = segment[p.segment + gl_WorkGroupID.z];
    if (first >= g.rows)
        return;
    for (uint t = 0; t < EACH; t++)
        sum[t] = whole[t] = vec4(0);
    for (uint from = 0; from < PARTS * LENGTH; from += STAGE) {
        load_stage(from, p.weight / 4 + set * PARTS * LENGTH * quads);
        for (uint run = 0; run < RUNS; run++) {
            add_run(run);
            if ((from + run * RUN + RUN) % LENGTH != 0)
                continue;
            for (uint t = 0; t < EACH; t++) {
                whole[t] += sum[t];
                sum[t] = vec4(0);
            }
        }
    }
    for (uint t = 0; t < EACH; t++)
        for (uint n = 0; n < 4; n++) {
            const uint token = first + i / QUADS + t * GROUPS, o = 4 * (first_quad + i % QUADS) + n;
            if (i / QUADS < GROUPS && o < p.outputs && token < g.rows)
                write(token, o, whole[t][n] + weight[p.bias + set * 4 * quads + o]);
        }
}
