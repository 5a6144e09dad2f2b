// SPDX-License-Identifier: BSD-2-Clause
// Streaming top-k eviction: which leaving tokens enter a head's retained buffer, and where.
#ifndef LTE_SIMD_EVICT_H
#define LTE_SIMD_EVICT_H

#include <stddef.h>
#include <stdint.h>

#define LTE_EVICT_DROPPED UINT32_MAX

// For i = 0 .. n-1 in this order, token i leaves the window with retention score in[i]:
//   in[i] > 0 is false (also NaN)   it is dropped;
//   used < capacity                 it takes slot used, and used grows by one;
//   otherwise                       m = the smallest score in the buffer, the lowest slot on ties:
//                                   it takes m's slot if in[i] > score[m], else it is dropped.
// score[capacity] is updated, slot[i] gets the slot or LTE_EVICT_DROPPED; returns the new `used`.
// Scores in the buffer are > 0 and may be +Inf (attention sinks). capacity = 0 drops everything.
// Every level gives exactly the same result.
typedef size_t lte_evict_fn(float *score, size_t capacity, size_t used, const float *in, size_t n,
                            uint32_t *slot);

#endif
