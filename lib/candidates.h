// SPDX-License-Identifier: BSD-2-Clause
// The largest of some logits.
#ifndef LTE_LIB_CANDIDATES_H
#define LTE_LIB_CANDIDATES_H

#include "lte/candidate.h"

// The `count` >= 1 largest of logits[ids] and their ids, the largest first, of equals the lower id
// first; no NaN, and none that is -infinity. What is missing is LTE_NO_TOKEN.
void lte_candidates_find(const float *logits, uint32_t ids, uint32_t count,
                         struct lte_candidate *candidates);

#endif
