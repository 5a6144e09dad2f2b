// SPDX-License-Identifier: BSD-2-Clause
// Who sees what in attention over whole sequences, and in which order its backward pass takes
// blocks of keys and queries.
//
// A key is seen for `window` queries from its own on, and a retained one for ever: first as any
// other, then by way of a list of the retained keys whose window has passed. So the work of a
// query falls with both the window and the list.
#ifndef LTE_LIB_GRAD_ATTEND_PLAN_H
#define LTE_LIB_GRAD_ATTEND_PLAN_H

#include "lib/grad/grad.h"

// One key head of one sequence. Keys and queries are counted from the first row of the sequence.
struct lte_attend_stream {
    const struct lte_segment *segment;
    size_t head;
    size_t blocks;           // of LTE_ATTEND_GRAD_KEYS keys, or as many queries
    size_t retained;         // keys on the list
    const uint32_t *at;      // [retained] rising: the list
    const uint32_t *at_from; // [retained] the first query that sees the key this way
};

struct lte_attend_plan {
    struct lte_attend_stream *stream;
    size_t streams;
    size_t *begin;           // [streams + 1] of a parallel loop: its first item of each stream
    size_t window;           // 0: all earlier keys are seen
    uint32_t *from, *until;  // [rows of the longest sequence] who sees a key by its window
    uint32_t *ever;          // likewise, all of them UINT32_MAX
    uint32_t *at, *at_from;  // [key heads][rows]
};

size_t lte_attend_plan_bytes(const struct lte_attend_op *op, const struct lte_tape_limits *limits);
// Lays the plan out in `memory` and fills it. `scores` is [rows][key_heads], or NULL if all is
// seen or nothing retained.
void lte_attend_plan_make(struct lte_attend_plan *plan, const struct lte_tape *tape,
                          const struct lte_attend_op *op, const float *scores, void *memory);

// Makes plan->begin for count(plan, stream, step) items a stream, and gives how many they are in
// all.
typedef size_t lte_attend_count_fn(const struct lte_attend_plan *plan,
                                   const struct lte_attend_stream *stream, size_t step);
size_t lte_attend_plan_items(const struct lte_attend_plan *plan, lte_attend_count_fn *count,
                             size_t step);
// The stream of an item; *item becomes its number in there.
const struct lte_attend_stream *lte_attend_plan_find(const struct lte_attend_plan *plan,
                                                     size_t *item);

// A step of the backward pass takes pairs of a block of keys and one of queries such that no block
// is in two of them: their gradients can be added up without locks, and in the same order whatever
// the number of threads. False if nothing is seen in the pair.
struct lte_attend_pair {
    size_t keys, queries; // which blocks; of the list, in steps for retained keys
};
size_t lte_attend_steps(const struct lte_attend_plan *plan);
size_t lte_attend_step_count(const struct lte_attend_plan *plan,
                             const struct lte_attend_stream *stream, size_t step);
bool lte_attend_step_pair(const struct lte_attend_plan *plan,
                          const struct lte_attend_stream *stream, size_t step, size_t item,
                          struct lte_attend_pair *pair);
// The same for the keys on the lists.
size_t lte_attend_list_steps(const struct lte_attend_plan *plan);
size_t lte_attend_list_count(const struct lte_attend_plan *plan,
                             const struct lte_attend_stream *stream, size_t step);
bool lte_attend_list_pair(const struct lte_attend_stream *stream, size_t step, size_t item,
                          struct lte_attend_pair *pair);

#endif
