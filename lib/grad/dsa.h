// SPDX-License-Identifier: BSD-2-Clause
// What the two halves of DeepSeek sparse attention's gradient share: that of the attention (dsa.c),
// and the indexer's loss (dsa_index.c).
#ifndef LTE_LIB_GRAD_DSA_H
#define LTE_LIB_GRAD_DSA_H

#include "lib/grad/attend_plan.h"
#include "lib/sparse/dsa.h"

struct lte_dsa_pass {
    struct lte_attend_plan plan;   // a stream a sequence
    const struct lte_tape *tape;
    const struct lte_exec *exec;
    const struct lte_dsa_op *op;
    bool dense;                    // every token before it is given to a query
    const float *q, *k, *v, *index;
    float *out;
    const float *d_out;
    float *dq, *dk, *dv, *d_index;
    // Kept from forward to backward.
    float *lse;                    // [rows][heads]
    uint32_t *at;                  // [rows][top]: what is selected, rising, counted from the sequence's
    size_t top;                    // first row; unused if dense
    size_t step;
    void *shared;                  // scratch behind the plan
};

// Tokens that the query of row t of its sequence gets.
static inline size_t lte_dsa_count(const struct lte_dsa_pass *a, size_t t)
{
    return a->dense || t < a->top ? t + 1 : a->top;
}

// The loss of all rows, which it gives; `gradient`: also adds its gradient to d_index.
double lte_dsa_index_loss(const struct lte_dsa_pass *pass, float scale, bool gradient);
void lte_dsa_index_scratch(const struct lte_dsa_op *op, const struct lte_tape_limits *limits,
                           const struct lte_kernels *kernels, size_t *shared, size_t *each);

#endif
