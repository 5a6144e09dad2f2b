// SPDX-License-Identifier: BSD-2-Clause
// First fit by offset, largest first.
#include "config.h"

#include "lib/train/intervals.h"

#include <stdbool.h>
#include <string.h>

// Heap sort by falling size, then rising index: no recursion, no comparison context needed.
static bool before(const struct lte_interval *v, size_t a, size_t b)
{
    return v[a].bytes != v[b].bytes ? v[a].bytes > v[b].bytes : a < b;
}

static void sift(const struct lte_interval *v, size_t *order, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(v, order[child], order[child + 1]))
            child++;
        if (!before(v, order[at], order[child]))
            return;
        const size_t swap = order[at];
        order[at] = order[child];
        order[child] = swap;
    }
}

static void sort_by_size(const struct lte_interval *v, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count / 2; i-- > 0;)
        sift(v, order, i, count);
    for (size_t n = count; n-- > 1;) {
        const size_t swap = order[0];
        order[0] = order[n];
        order[n] = swap;
        sift(v, order, 0, n);
    }
}

static bool together(const struct lte_interval *a, const struct lte_interval *b)
{
    return a->from <= b->until && b->from <= a->until;
}

size_t lte_intervals_place(struct lte_interval *v, size_t count, size_t *order)
{
    size_t *placed = order + count, total = 0, n = 0; // placed: by rising offset
    sort_by_size(v, order, count);
    for (size_t i = 0; i < count; i++) {
        struct lte_interval *new = &v[order[i]];
        new->offset = 0;
        if (new->from > new->until || !new->bytes)
            continue;
        for (size_t k = 0; k < n; k++) {
            const struct lte_interval *old = &v[placed[k]];
            if (!together(new, old))
                continue;
            if (old->offset >= new->offset + new->bytes)
                break;
            if (new->offset < old->offset + old->bytes)
                new->offset = old->offset + old->bytes;
        }
        size_t at = n++;
        for (; at > 0 && v[placed[at - 1]].offset > new->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = order[i];
        if (total < new->offset + new->bytes)
            total = new->offset + new->bytes;
    }
    return total;
}
