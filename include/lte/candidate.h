// SPDX-License-Identifier: BSD-2-Clause
// A token that may come next: what a step gives out in place of all logits, and a sampler chooses
// from.
#ifndef LTE_CANDIDATE_H
#define LTE_CANDIDATE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LTE_NO_TOKEN UINT32_MAX

struct lte_candidate {
    uint32_t id;              // LTE_NO_TOKEN: none
    float logit;              // of none: -infinity
};

// As many as a step gives out for a session: what a workgroup of any device sorts.
#define LTE_MOST_CANDIDATES 1024

#ifdef __cplusplus
}
#endif
#endif
