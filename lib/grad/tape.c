// SPDX-License-Identifier: BSD-2-Clause
// What gradient functions look up: gradients of values and weights, and what ops kept.
#include "config.h"

#include "lib/grad/grad.h"

float *lte_tape_gradient(const struct lte_tape *tape, lte_value value)
{
    if (value == LTE_LOGITS_VALUE)
        return tape->logits_gradient;
    unsigned char *base = tape->gradients + tape->gradient_offset[value];
    return (float *)(void *)base + tape->exec.first * tape->exec.graph->width[value];
}

float *lte_tape_weight_gradient(const struct lte_tape *tape, const void *weight)
{
    const uintptr_t at = (uintptr_t)weight;
    size_t low = 0, high = tape->ranges;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct lte_weight_range *r = &tape->range[middle];
        if (at < (uintptr_t)r->from)
            high = middle;
        else if (at >= (uintptr_t)r->from + r->bytes)
            low = middle + 1;
        else
            return r->gradient ? r->gradient + (at - (uintptr_t)r->from) / r->element : NULL;
    }
    return NULL;
}

void *lte_tape_saved(const struct lte_tape *tape, const struct lte_op *op)
{
    return tape->saved + tape->saved_offset[op - tape->exec.graph->op];
}
