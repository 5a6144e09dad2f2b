// SPDX-License-Identifier: BSD-2-Clause
// The walk over a model's weights.
#include "config.h"

#include "lib/weights.h"

#include <stdio.h>
#include <string.h>

#include "lib/arch/arch.h"

enum lte_status lte_model_walk(struct lte_model *model, lte_weight_fn *fn, void *arg)
{
    struct lte_walk walk = {.model = model, .fn = fn, .arg = arg};
    model->arch->weights(&walk);
    return walk.status;
}

void lte_walk_prefix(struct lte_walk *walk, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(walk->prefix, sizeof walk->prefix, format, args);
    va_end(args);
}

static void visit(struct lte_walk *walk, struct lte_weight *weight, const char *suffix,
                  unsigned dims, const uint64_t *shape)
{
    if (walk->status != LTE_OK)
        return;
    snprintf(weight->name, sizeof weight->name, "%s%s", walk->prefix, suffix);
    weight->dims = dims;
    weight->elements = 1;
    for (unsigned i = 0; i < dims; i++) {
        weight->shape[i] = shape[i];
        weight->elements *= shape[i];
    }
    walk->status = walk->fn(walk->arg, weight);
}

void lte_walk_weight(struct lte_walk *walk, const struct lte_tensor **slot, const char *suffix,
                     struct lte_init init, unsigned dims, const uint64_t *shape)
{
    struct lte_weight weight = {.init = init,
                                .slot = slot,
                                .twin = walk->twin,
                                .scale = walk->scale || dims < 2,
                                .router = walk->router,
                                .indexer = walk->indexer};
    visit(walk, &weight, suffix, dims, shape);
}

void lte_walk_buffer(struct lte_walk *walk, const char *suffix, unsigned dims,
                     const uint64_t *shape)
{
    struct lte_weight weight = {.slot = NULL};
    visit(walk, &weight, suffix, dims, shape);
}
