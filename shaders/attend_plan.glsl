// SPDX-License-Identifier: BSD-2-Clause
// A retaining head's plan: keys are numbered buffer, then ring, then this call, as in lib/kv.h.
#ifndef LTE_SHADERS_ATTEND_PLAN_GLSL
#define LTE_SHADERS_ATTEND_PLAN_GLSL

// Words of a plan: until[keys], owner[buffer], entering[rows], the slots held before, and one more
// than the slot taken last, or 0. entering[i] is the score of the token that leaves before query i
// if the buffer takes it, or 0.
uint plan_owner() { return p.slots + p.ring + p.rows; }
uint plan_entering() { return plan_owner() + p.slots; }
uint plan_held() { return plan_entering() + p.rows; }
uint plan_taken() { return plan_held() + 1; }
uint plan_words() { return plan_taken() + 1; }
// Where that of a head begins, of a segment counted from the group's first.
uint plan_of(uint segment, uint head) { return (segment * p.heads + head) * plan_words(); }

// The ring's slots that hold a token before `position`.
uint ring_used(uint position) { return min(position, p.ring); }

// The token of a used slot: the last one before `position` that is congruent to it.
uint ring_token(uint slot, uint position)
{
    return position - 1 - (position - 1 - slot) % p.ring;
}

#endif
