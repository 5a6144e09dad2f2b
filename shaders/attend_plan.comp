#version 450
// SPDX-License-Identifier: BSD-2-Clause
// What lib/kv_plan.c does for a head, a workgroup each, once attend_enter has said which tokens the
// buffer takes: who makes place for whom, and until which query everybody is seen.
//
// The lowest score of a full buffer never falls, and who comes has more: so the k-th that comes
// takes the place of the k-th lowest of all that there are, whenever they came, and of equal ones
// those in lower slots are lower. Its slot is then known once that one's is. Tokens that take
// places are items slots, slots + 1, ..; the items before are the slots with what they held, or
// what came while they were free.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "params.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 128;
layout(constant_id = 1) const uint ROOM = 256; // items, a power of two above the slots
layout(constant_id = 2) const uint TAKERS = 128; // ROOM less the slots, and THREADS at least
layout(constant_id = 3) const bool APART = false; // there is no shared memory for them

layout(push_constant) uniform Params { lte_attend_params p; };
layout(binding = 0) readonly buffer Segments { lte_vk_segment segment[]; };
layout(binding = 1) coherent buffer State { uint state[]; };
layout(binding = 2) coherent buffer Plan { uint plan[]; };
layout(binding = 3) coherent buffer Spare { uint spare[]; };
#include "attend_plan.glsl"

const uint NEVER = 0xffffffffu;
const uint WORDS = (THREADS + 31) / 32;
shared uvec2 items[APART ? 1 : ROOM];     // score and number; sorted once there are all
shared uint came[APART ? 1 : TAKERS];     // before which query, since `filled`
shared uint place[APART ? 1 : TAKERS];    // the slot of item slots + k
shared uint flags[WORDS];
shared uint next;

uint head, at, apart, scores;
uint filled, count;                       // slots in use, and tokens since
lte_vk_segment g;

uvec2 item(uint n)
{
    return APART ? uvec2(spare[apart + 2 * n], spare[apart + 2 * n + 1]) : items[n];
}

uint row_of(uint e) { return APART ? spare[apart + 2 * ROOM + e] : came[e]; }
uint place_of(uint k) { return APART ? spare[apart + 2 * ROOM + TAKERS + k] : place[k]; }
uint slot_of(uint n) { return n < p.slots ? n : place_of(n - p.slots); }

void set_item(uint n, uvec2 x)
{
    if (APART) {
        spare[apart + 2 * n] = x.x;
        spare[apart + 2 * n + 1] = x.y;
    } else {
        items[n] = x;
    }
}

void set_row(uint e, uint row)
{
    if (APART)
        spare[apart + 2 * ROOM + e] = row;
    else
        came[e] = row;
}

void set_place(uint k, uint slot)
{
    if (APART)
        spare[apart + 2 * ROOM + TAKERS + k] = slot;
    else
        place[k] = slot;
}

// Until all threads have done with the items.
void wait()
{
    if (APART)
        memoryBarrierBuffer();
    barrier();
}

void wait_for_plan()
{
    memoryBarrierBuffer();
    barrier();
}

bool above(uvec2 a, uvec2 b)
{
    return a.x > b.x || a.x == b.x && a.y > b.y;
}

void order(uint low, uint high)
{
    const uvec2 a = item(low), b = item(high);
    if (above(a, b)) {
        set_item(low, b);
        set_item(high, a);
    }
}

// Bitonic merging; the items after the first `n` are made larger than all.
void sort(uint n)
{
    uint room = 2;
    while (room < n)
        room *= 2;
    for (uint i = n + gl_LocalInvocationID.x; i < room; i += THREADS)
        set_item(i, uvec2(NEVER));
    for (uint run = 2; run <= room; run *= 2) {
        wait();
        for (uint i = gl_LocalInvocationID.x; i < room / 2; i += THREADS) {
            const uint low = i / (run / 2) * run + i % (run / 2);
            order(low, low ^ run - 1);
        }
        for (uint step = run / 4; step > 0; step /= 2) {
            wait();
            for (uint i = gl_LocalInvocationID.x; i < room / 2; i += THREADS) {
                const uint low = 2 * i - i % step;
                order(low, low + step);
            }
        }
    }
    wait();
}

// The key of an item; that of a slot's former holder if it did not come just now.
uint key_of(uint n)
{
    if (n < filled)
        return plan[at + plan_owner() + n];
    const uint i = row_of(n - filled);
    return p.slots + (i >= p.ring ? i : (g.position + i) % p.ring);
}

// Item slots + k takes the place of item n.
void take(uint k, uint n, uint slot)
{
    set_place(k, slot);
    plan[at + key_of(n)] = row_of(p.slots - filled + k);
}

// Places [from, end) for whom it is known whose they take: those in turn took an earlier one's.
void follow(uint from, uint end)
{
    for (uint k = from + gl_LocalInvocationID.x; k < end; k += THREADS) {
        const uint n = item(k).y;
        uint last = n;
        while (last >= p.slots + from)
            last = item(last - p.slots).y;
        take(k, n, slot_of(last));
    }
    wait();
}

// Of items [from, end), which are equal, those in the lowest slots make place for tokens before
// `takers`.
void share(uint from, uint end, uint takers)
{
    for (uint i = from + gl_LocalInvocationID.x; i < end; i += THREADS) {
        const uint n = item(i).y, slot = slot_of(n);
        uint k = from;
        for (uint j = from; j < end; j++)
            k += uint(slot_of(item(j).y) < slot);
        if (k < takers)
            take(k, n, slot);
    }
    wait();
}

// The first item from `from` on that is equal to the next, of which that has no slot yet, or `end`.
uint next_equal(uint from, uint end)
{
    if (gl_LocalInvocationID.x == 0)
        next = end;
    barrier();
    for (uint i = from + gl_LocalInvocationID.x; i + 1 < end; i += THREADS)
        if (item(i).x == item(i + 1).x && item(i + 1).y >= p.slots) {
            atomicMin(next, i);
            break;
        }
    barrier();
    const uint n = next;
    barrier();
    return n;
}

// The first of the sorted items with a score of x at least; of x + 1, the first beyond these.
uint find(uint x, uint end)
{
    uint low = 0;
    while (low < end) {
        const uint middle = (low + end) / 2;
        if (item(middle).x < x)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

// Gives all tokens of `total` items beyond the slots their places.
void give_places(uint total)
{
    const uint takers = total - p.slots;
    uint done = 0;
    while (done < takers) {
        const uint equal = next_equal(done, total);
        const uint x = equal < total ? item(equal).x : NEVER;
        const uint from = equal < total ? min(find(x, total), takers) : takers;
        follow(done, from);
        done = from;
        if (from < takers) {
            done = find(x + 1, total);
            share(from, done, takers);
        }
    }
}

// Those that came and are still there own their slots. A token that had to go is seen for longer
// than it was in the window.
void settle(uint total)
{
    for (uint i = gl_LocalInvocationID.x; i < total; i += THREADS) {
        const uvec2 x = item(i);
        if (x.y < filled)
            continue;
        const uint key = key_of(x.y), slot = slot_of(x.y);
        if (plan[at + key] != row_of(x.y - filled))
            continue;
        plan[at + key] = g.rows;
        plan[at + plan_owner() + slot] = key;
        state[scores + slot] = x.x;
    }
    if (gl_LocalInvocationID.x == 0)
        plan[at + plan_taken()] = slot_of(total - 1) + 1;
    wait_for_plan();
}

// The tokens that came since the buffer was `filled`.
void resolve()
{
    const uint total = filled + count;
    if (count == 0)
        return;
    for (uint s = gl_LocalInvocationID.x; s < filled; s += THREADS)
        set_item(s, uvec2(state[scores + s], s));
    if (total > p.slots) {
        sort(total);
        give_places(total);
    }
    wait_for_plan();
    settle(total);
    filled = min(total, p.slots);
    count = 0;
}

// Appends those of the next THREADS queries' tokens that are taken.
void append(uint from)
{
    const uint i = gl_LocalInvocationID.x;
    const uint x = from + i < g.rows ? plan[at + plan_entering() + from + i] : 0;
    barrier();
    if (i < WORDS)
        flags[i] = 0;
    barrier();
    if (x != 0)
        atomicOr(flags[i / 32], 1u << i % 32);
    barrier();
    uint e = count;
    for (uint n = 0; n < WORDS; n++) {
        const uint before = i / 32 > n ? 0xffffffffu : i / 32 == n ? (1u << i % 32) - 1 : 0;
        e += bitCount(flags[n] & before);
        count += bitCount(flags[n]);
    }
    if (x != 0) {
        set_item(filled + e, uvec2(x, filled + e));
        set_row(e, from + i);
    }
}

void main()
{
    g = segment[p.segment + gl_WorkGroupID.z];
    head = gl_WorkGroupID.y;
    at = plan_of(gl_WorkGroupID.z, head);
    apart = (gl_WorkGroupID.z * p.heads + head) * (2 * ROOM + 2 * TAKERS);
    scores = g.state + p.slots_score + head * p.slots;
    filled = plan[at + plan_held()];
    count = 0;
    for (uint from = 0; from < g.rows; from += THREADS) {
        if (count + THREADS > TAKERS)
            resolve();
        append(from);
    }
    resolve();
    if (gl_LocalInvocationID.x == 0)
        state[g.state + p.slots_used + 2 * head] = filled;
}
