// SPDX-License-Identifier: BSD-2-Clause
// The recurrence of simd/delta_rule.h and simd/diag_rule.h, a workgroup a block of 16 columns of a
// head's state, which stays in registers while the tokens pass. A thread has one column and every
// LANES-th key, so that a workgroup's loads are contiguous. What the decayed state says to k and to
// q and how alike these are is summed in one go, and o = (A S)^T q + (k . q) d: two barriers a
// token. Whatever it reads is on its way before the first of them.
//
// A shader that includes this has bound `segment`, `state` and `o`, its p has segment, key_dim and
// value_dim, and it says where a token's numbers are:
//     find(row, head, v)  looks them up for column v, before the others are called
//     query(i), key(i)    channel i
//     decays(i)           what channel i is multiplied with
//     change(to_key)      d of the column, of which the decayed state says to_key to k

const uint COLUMNS = 16, LANES = THREADS / COLUMNS;
layout(constant_id = 0) const uint EACH = 16; // keys of a thread

shared vec3 channel[EACH * LANES]; // k, q and decay
shared vec3 said[2][THREADS]; // two, so that the next token's does not meet this one's readers

uint column, lane;
float s[EACH];

// The sum over the lanes of a column: to k, to q, and of k with q.
vec3 total(vec3 x, uint t)
{
    said[t & 1][gl_LocalInvocationID.x] = x;
    barrier();
    x = said[t & 1][column];
    for (uint l = 1; l < LANES; l++)
        x += said[t & 1][l * COLUMNS + column];
    return x;
}

void token(uint t, uint row, uint head, uint v)
{
    float k[EACH];
    vec3 x = vec3(0);
    find(row, head, v);
    for (uint i = gl_LocalInvocationID.x; i < EACH * LANES; i += THREADS)
        channel[i] = i < p.key_dim ? vec3(key(i), query(i), decays(i)) : vec3(0);
    barrier();
    for (uint j = 0; j < EACH; j++) {
        const vec3 c = channel[j * LANES + lane];
        k[j] = c.x;
        s[j] *= c.z;
        x += c.xyx * vec3(s[j], s[j], c.y);
    }
    x = total(x, t);
    const float d = v < p.value_dim ? change(x.x) : 0.0;
    for (uint j = 0; j < EACH; j++)
        s[j] += k[j] * d;
    if (lane == 0 && v < p.value_dim)
        o[(row * gl_NumWorkGroups.y + head) * p.value_dim + v] = x.y + x.z * d;
}

void main()
{
    column = gl_LocalInvocationID.x % COLUMNS;
    lane = gl_LocalInvocationID.x / COLUMNS;
    const lte_vk_segment g = segment[p.segment + gl_WorkGroupID.z];
    const uint head = gl_WorkGroupID.y, v = gl_WorkGroupID.x * COLUMNS + column;
    const uint first = g.state + (head * gl_NumWorkGroups.x + gl_WorkGroupID.x) * p.key_dim * COLUMNS;
    const uint at = first + gl_LocalInvocationID.x;
    for (uint j = 0; j < EACH; j++)
        s[j] = j * LANES + lane < p.key_dim ? state[at + j * THREADS] : 0.0;
    for (uint t = 0; t < g.rows; t++)
        token(t, g.row + t, head, v);
    for (uint j = 0; j < EACH; j++)
        if (j * LANES + lane < p.key_dim)
            state[at + j * THREADS] = s[j];
}
