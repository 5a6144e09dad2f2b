// SPDX-License-Identifier: BSD-2-Clause
// The largest of some logits, in a heap of those found so far whose root is the first to go.
#include "config.h"

#include "lib/candidates.h"

#include <math.h>
#include <stdbool.h>

static bool behind(struct lte_candidate a, struct lte_candidate b)
{
    return a.logit < b.logit || (a.logit == b.logit && a.id > b.id);
}

// Puts c into heap[n], whose root is free.
static void sink(struct lte_candidate *heap, uint32_t n, struct lte_candidate c)
{
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && behind(heap[child + 1], heap[child]))
            child++;
        if (!behind(heap[child], c))
            break;
        heap[at] = heap[child];
    }
    heap[at] = c;
}

// Puts c into heap[n], whose last leaf is free.
static void rise(struct lte_candidate *heap, uint32_t n, struct lte_candidate c)
{
    uint32_t at = n - 1;
    for (uint32_t parent; at && behind(c, heap[parent = (at - 1) / 2]); at = parent)
        heap[at] = heap[parent];
    heap[at] = c;
}

// Ids come in rising order: an equal logit is never in time to push one out.
void lte_candidates_find(const float *logits, uint32_t ids, uint32_t count,
                         struct lte_candidate *candidates)
{
    uint32_t n = 0;
    float bound = -INFINITY; // a NaN is not above it either
    for (uint32_t i = 0; i < ids; i++) {
        const struct lte_candidate c = {i, logits[i]};
        if (!(c.logit > bound))
            continue;
        if (n < count)
            rise(candidates, ++n, c);
        else
            sink(candidates, n, c);
        if (n == count)
            bound = candidates[0].logit;
    }
    for (uint32_t i = n; i < count; i++)
        candidates[i] = (struct lte_candidate){LTE_NO_TOKEN, -INFINITY};
    while (n > 1) { // the root is the last of them
        const struct lte_candidate last = candidates[0], c = candidates[--n];
        sink(candidates, n, c);
        candidates[n] = last;
    }
}
