// SPDX-License-Identifier: BSD-2-Clause
// Where the diagonal rule finds what a head reads, the same in a session and in training.
#ifndef LTE_LIB_OP_DIAG_RULE_H
#define LTE_LIB_OP_DIAG_RULE_H

#include "lib/exec.h"

// What `head` has of a source at `row`, as an offset into the source's value; n: numbers of a head.
static inline size_t lte_rule_offset(const struct lte_diag_rule_op *d,
                                     const struct lte_rule_source *s, size_t stride, size_t row,
                                     size_t head, size_t n)
{
    return row * stride + s->column + head / (d->heads / s->heads) * n;
}

// The kernel's arguments for tokens [row, row + tokens) of columns [column, column + columns) of a
// head, but for `state` and `o`.
struct lte_diag_rule_args lte_diag_rule_args(const struct lte_exec *exec, const struct lte_op *op,
                                             size_t row, size_t tokens, size_t head, size_t column,
                                             size_t columns);

#endif
