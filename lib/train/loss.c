// SPDX-License-Identifier: BSD-2-Clause
// Cross-entropy, parallel over rows: partial sums of blocks that depend on the number of rows
// alone.
#include "config.h"

#include "lib/train/loss.h"

#include <string.h>

enum { PARTS = 64 };

struct work {
    const struct lte_kernels *kernels; // NULL: only count
    const struct lte_loss_block *block;
    size_t part;                       // rows that make one partial sum
    float scale, *gradient;
    struct lte_loss loss[PARTS];
};

// Whether x[target] is the first of the largest.
static bool is_right(const float *x, size_t n, size_t target)
{
    for (size_t i = 0; i < target; i++)
        if (!(x[i] < x[target]))
            return false;
    for (size_t i = target + 1; i < n; i++)
        if (!(x[i] <= x[target]))
            return false;
    return true;
}

static void add_row(const struct work *w, size_t row, struct lte_loss *loss)
{
    const size_t n = w->block->vocabulary;
    const uint32_t target = w->block->target[row];
    const float *x = w->block->logits + row * n;
    float *gradient = w->gradient ? w->gradient + row * n : NULL;
    bool right;
    if (target == LTE_IGNORE) {
        if (gradient)
            memset(gradient, 0, n * sizeof *gradient);
        return;
    }
    if (w->kernels)
        loss->sum += w->kernels->cross_entropy(x, n, target, w->scale, gradient, &right);
    else
        right = is_right(x, n, target);
    loss->counted++;
    loss->right += right;
}

static void add_part(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct work *w = arg;
    const size_t from = item * w->part, left = w->block->rows - from;
    struct lte_loss loss = {.sum = 0};
    for (size_t i = 0; i < w->part && i < left; i++)
        add_row(w, from + i, &loss);
    w->loss[item] = loss;
}

// par NULL: on this thread.
static struct lte_loss add_up(struct lte_par *par, struct work *w)
{
    struct lte_loss all = {.sum = 0};
    w->part = (w->block->rows + PARTS - 1) / PARTS;
    const size_t parts = w->part ? (w->block->rows + w->part - 1) / w->part : 0;
    if (par)
        lte_par_for(par, parts, add_part, w);
    for (size_t i = 0; i < parts; i++) {
        if (!par)
            add_part(w, i, 0);
        all.sum += w->loss[i].sum;
        all.counted += w->loss[i].counted;
        all.right += w->loss[i].right;
    }
    return all;
}

struct lte_loss lte_cross_entropy(struct lte_par *par, const struct lte_kernels *kernels,
                                  const struct lte_loss_block *block, float scale, float *gradient)
{
    struct work w = {.kernels = kernels, .block = block, .scale = scale, .gradient = gradient};
    return add_up(par, &w);
}

struct lte_loss lte_count_right(struct lte_par *par, const struct lte_loss_block *block)
{
    struct work w = {.block = block};
    return add_up(par, &w);
}

double lte_cross_entropy_loss(void *kernels, const float *logits, const uint32_t *target, size_t rows,
                              size_t vocabulary, float scale, float *gradient)
{
    const struct lte_loss_block block = {logits, target, rows, vocabulary};
    return lte_cross_entropy(NULL, kernels, &block, scale, gradient).sum;
}
