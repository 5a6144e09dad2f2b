// SPDX-License-Identifier: BSD-2-Clause
// From what an op holds of a weight to that weight's gradient, and from prepared weights back to
// the tensors that they were made from.
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "lib/graph.h"
#include "lib/par.h"
#include "lib/train/parameters.h"

enum { BLOCK = 1 << 14 };

static bool is_matrix(const struct lte_parameter *q)
{
    return q->weight.dims == 2 && !q->weight.scale;
}

static size_t parameter_of(const struct lte_parameters *p, const struct lte_tensor *t)
{
    const unsigned char *base = (const unsigned char *)&p->parameter[0].tensor;
    return (size_t)((const unsigned char *)t - base) / sizeof(struct lte_parameter);
}

// Whether a block was prepared from weights that are trained here, and not from those of a teacher.
static bool is_own(const struct lte_parameters *p, const struct lte_prepared *block)
{
    const uintptr_t at = (uintptr_t)block->tensor[0], first = (uintptr_t)p->parameter;
    return block->form && at >= first && at - first < p->count * sizeof *p->parameter;
}

static bool is_frozen(const struct lte_parameters *p, const struct lte_prepared *block)
{
    return lte_parameter_frozen(p, &p->parameter[parameter_of(p, block->tensor[0])]);
}

static void add_range(struct lte_parameters *p, struct lte_weight_range range)
{
    size_t at = p->ranges++;
    for (; at > 0 && (uintptr_t)p->range[at - 1].from > (uintptr_t)range.from; at--)
        p->range[at] = p->range[at - 1];
    p->range[at] = range;
}

static void fill_ranges(struct lte_parameters *p)
{
    size_t at = 0;
    p->ranges = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct lte_parameter *q = &p->parameter[i];
        const size_t size = lte_dtype_size((enum lte_dtype)q->tensor.type);
        const bool frozen = lte_parameter_frozen(p, q);
        if (is_matrix(q))
            add_range(p, (struct lte_weight_range){q->tensor.data, q->weight.elements * size, size,
                                                   frozen ? NULL : p->gradient + q->first});
    }
    for (const struct lte_prepared *b = p->graph->prepared; b; b = b->next) {
        if (!is_own(p, b))
            continue;
        const bool frozen = is_frozen(p, b);
        add_range(p, (struct lte_weight_range){(const unsigned char *)b->data,
                                               b->floats * sizeof(float), sizeof(float),
                                               frozen ? NULL : p->prepared_gradient + at});
        at += lte_align(b->floats * sizeof(float)) / sizeof(float);
    }
}

enum lte_status lte_parameters_attach(struct lte_parameters *p, const struct lte_graph *graph)
{
    size_t ranges = 0;
    p->graph = graph;
    for (const struct lte_prepared *b = graph->prepared; b; b = b->next) {
        ranges += is_own(p, b);
        p->prepared_floats += is_own(p, b) ? lte_align(b->floats * sizeof(float)) / sizeof(float) : 0;
    }
    for (size_t i = 0; i < p->count; i++)
        ranges += is_matrix(&p->parameter[i]);
    p->prepared_gradient = lte_alloc_array(p->context, p->prepared_floats, sizeof(float));
    p->range = lte_alloc_array(p->context, ranges, sizeof *p->range);
    p->ranges = ranges;
    if (!p->prepared_gradient || !p->range)
        return lte_fail_memory(p->context, "the gradients of prepared weights",
                               p->prepared_floats * sizeof(float));
    fill_ranges(p);
    return LTE_OK;
}

void lte_parameters_freeze_router(struct lte_parameters *p, bool frozen)
{
    if (p->router_frozen == frozen)
        return;
    p->router_frozen = frozen;
    fill_ranges(p);
}


static void narrow_block(void *arg, size_t item, unsigned thread)
{
    const struct lte_parameters *p = arg;
    const size_t from = item * BLOCK, n = p->elements - from < BLOCK ? p->elements - from : BLOCK;
    (void)thread;
    p->context->kernels.narrow[LTE_DTYPE_BF16](p->copy + from, p->master + from, n);
}

static void clear_block(void *arg, size_t item, unsigned thread)
{
    const struct lte_parameters *p = arg;
    const size_t from = item * BLOCK, n = p->elements - from < BLOCK ? p->elements - from : BLOCK;
    (void)thread;
    memset(p->gradient + from, 0, n * sizeof *p->gradient);
}

static void narrow_all(struct lte_par *par, void *arg)
{
    const struct lte_parameters *p = arg;
    lte_par_for(par, (p->elements + BLOCK - 1) / BLOCK, narrow_block, arg);
}

static void clear_all(struct lte_par *par, void *arg)
{
    const struct lte_parameters *p = arg;
    lte_par_for(par, (p->elements + BLOCK - 1) / BLOCK, clear_block, arg);
}

void lte_parameters_publish(struct lte_parameters *p, const struct lte_graph *const *graph,
                            size_t graphs)
{
    if (p->copy)
        lte_par_run(p->context->par, narrow_all, p);
    for (size_t i = 0; i < graphs; i++)
        for (const struct lte_prepared *b = graph[i]->prepared; b; b = b->next)
            if (is_own(p, b))
                lte_prepared_refresh(b);
}

void lte_parameters_clear_gradients(struct lte_parameters *p)
{
    lte_par_run(p->context->par, clear_all, p);
    memset(p->prepared_gradient, 0, p->prepared_floats * sizeof *p->prepared_gradient);
}

void lte_parameters_collect_gradients(struct lte_parameters *p)
{
    size_t at = 0;
    for (const struct lte_prepared *b = p->graph->prepared; b; b = b->next) {
        float *to[LTE_PREPARED_TENSORS] = {NULL};
        if (!is_own(p, b))
            continue;
        for (size_t i = 0; i < b->tensors; i++) {
            const struct lte_parameter *q = &p->parameter[parameter_of(p, b->tensor[i])];
            to[i] = lte_parameter_frozen(p, q) ? NULL : p->gradient + q->first;
        }
        b->form->pull(b, p->prepared_gradient + at, to);
        at += lte_align(b->floats * sizeof(float)) / sizeof(float);
    }
}
