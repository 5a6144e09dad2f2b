// SPDX-License-Identifier: BSD-2-Clause
// Loading a graph onto a device: a dry run collects the weights, which then go into blocks.
#include "config.h"

#include "lib/vk/program.h"

#include <stdlib.h>
#include <string.h>

#include "lib/session.h"
#include "lib/vk/ops.h"

#define BLOCK_BYTES ((uint64_t)1 << 30) // a block is no larger, unless one weight is
enum { WEIGHT_ALIGN = 256 };

static int compare(const void *a_, const void *b_)
{
    const struct lte_vk_weight *a = a_, *b = b_;
    if (a->from != b->from)
        return (uintptr_t)a->from < (uintptr_t)b->from ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    if (a->make != b->make)
        return (uintptr_t)a->make < (uintptr_t)b->make ? -1 : 1;
    return 0;
}

static enum lte_status collect(struct lte_vk_program *p, const struct lte_vk_weight *key)
{
    const struct lte_context *c = p->device->context;
    if (p->weights == p->weight_capacity) {
        const size_t more = p->weight_capacity ? 2 * p->weight_capacity : 64;
        struct lte_vk_weight *larger = lte_alloc_array(c, more, sizeof *larger);
        if (!larger)
            return lte_fail_memory(c, "the list of weights", more * sizeof *larger);
        if (p->weights)
            memcpy(larger, p->weight, p->weights * sizeof *larger);
        lte_release(c, p->weight, p->weight_capacity * sizeof *p->weight);
        p->weight = larger;
        p->weight_capacity = more;
    }
    p->weight[p->weights++] = *key;
    return LTE_OK;
}

enum lte_status lte_vk_program_weight(struct lte_vk_encoder *e, const void *from, size_t bytes,
                                      lte_vk_make_fn *make, struct lte_vk_range *range)
{
    struct lte_vk_program *p = e->program;
    const struct lte_vk_weight key = {.from = from, .bytes = bytes, .make = make};
    *range = (struct lte_vk_range){VK_NULL_HANDLE, 0, (bytes + 3) / 4 * 4};
    if (e->gather)
        return collect(p, &key);
    const struct lte_vk_weight *w =
        bsearch(&key, p->weight, p->weights, sizeof *p->weight, compare);
    if (!w)
        return lte_fail(p->device->context, LTE_ERR_UNSUPPORTED,
                        "vulkan: an op asks for weights that it did not name when the model was loaded");
    range->buffer = p->block[w->block].handle;
    range->offset = w->offset;
    return LTE_OK;
}

// Each weight once, in an order that lets it be found.
static void sort(struct lte_vk_program *p)
{
    size_t n = 0;
    if (p->weights)
        qsort(p->weight, p->weights, sizeof *p->weight, compare);
    for (size_t i = 0; i < p->weights; i++)
        if (!n || compare(&p->weight[n - 1], &p->weight[i]))
            p->weight[n++] = p->weight[i];
    p->weights = n;
}

// Gives every weight its place; with `block` non-NULL also writes the blocks' sizes there.
static size_t place(struct lte_vk_program *p, uint64_t *block)
{
    size_t blocks = 0;
    uint64_t at = 0;
    for (size_t i = 0; i < p->weights; i++) {
        struct lte_vk_weight *w = &p->weight[i];
        const uint64_t bytes = (w->bytes + WEIGHT_ALIGN - 1) / WEIGHT_ALIGN * WEIGHT_ALIGN;
        if (!blocks || at + bytes > BLOCK_BYTES) {
            blocks++;
            at = 0;
        }
        w->block = blocks - 1;
        w->offset = at;
        at += bytes;
        if (block)
            block[blocks - 1] = at;
    }
    return blocks;
}

static enum lte_status upload(struct lte_vk_program *p, const struct lte_vk_weight *w)
{
    const struct lte_context *c = p->device->context;
    const struct lte_vk_buffer *block = &p->block[w->block];
    if (!w->make)
        return lte_vk_upload(p->device, block, w->offset, w->from, w->bytes);
    void *made = lte_alloc(c, w->bytes);
    if (!made)
        return lte_fail_memory(c, "weights for the device", w->bytes);
    w->make(made, w->bytes, w->from);
    const enum lte_status status = lte_vk_upload(p->device, block, w->offset, made, w->bytes);
    lte_release(c, made, w->bytes);
    return status;
}

static enum lte_status fill(struct lte_vk_program *p)
{
    const struct lte_context *c = p->device->context;
    const size_t blocks = place(p, NULL);
    p->block = lte_alloc_array(c, blocks, sizeof *p->block);
    uint64_t *bytes = lte_alloc_array(c, blocks, sizeof *bytes);
    enum lte_status status = LTE_OK;
    if (p->block)
        p->blocks = blocks;
    if (!p->block || !bytes)
        status = lte_fail_memory(c, "the list of weights", blocks * sizeof *p->block);
    else
        place(p, bytes);
    for (size_t i = 0; status == LTE_OK && i < blocks; i++) {
        status = lte_vk_buffer_new(p->device, LTE_VK_DEVICE_MEMORY, bytes[i], &p->block[i]);
        p->weight_bytes += bytes[i];
    }
    for (size_t i = 0; status == LTE_OK && i < p->weights; i++)
        status = upload(p, &p->weight[i]);
    lte_release(c, bytes, blocks * sizeof *bytes);
    return status;
}

enum lte_status lte_vk_program_try(struct lte_vk_program *p, const struct lte_layout *layout,
                                   const struct lte_session_params *params, size_t segments,
                                   size_t rows, bool gather, uint64_t *scratch)
{
    const struct lte_graph *g = p->graph;
    struct lte_vk_group group[LTE_VK_SEGMENTS];
    for (size_t i = 0; i < segments; i++) // as many as there can be
        group[i] = (struct lte_vk_group){.first = (uint32_t)i,
                                         .count = 1,
                                         .rows = rows / segments,
                                         .states_bytes = layout->state_bytes,
                                         .layout = layout,
                                         .params = params};
    struct lte_vk_encoder e = {.device = p->device,
                               .program = p,
                               .graph = g,
                               .layout = layout,
                               .rows = rows,
                               .group = group,
                               .groups = segments,
                               .gather = gather};
    lte_vk_encode(&e, 0, g->ops);
    e.rows = rows < LTE_VK_SEGMENTS ? rows : LTE_VK_SEGMENTS; // steps alone have candidates
    if (g->vocabulary) { // of tests, some have none
        lte_vk_encode_greedy(&e, (uint32_t)g->vocabulary);
        lte_vk_encode_candidates(&e, (uint32_t)g->vocabulary, LTE_MOST_CANDIDATES);
    }
    if (e.status == LTE_ERR_UNSUPPORTED)
        return lte_fail(p->device->context, e.status, "%s: %s", lte_vk_device_name(p->device), e.why);
    if (*scratch < e.scratch_most)
        *scratch = e.scratch_most;
    return e.status;
}

// A layout for some session, to see what its ops ask for.
static enum lte_status gather(struct lte_vk_program *p)
{
    const struct lte_context *c = p->device->context;
    struct lte_layout layout;
    struct lte_session_params params;
    uint64_t scratch = 0;
    const size_t size = lte_layout_arrays(p->graph, &layout, NULL);
    void *arrays = lte_alloc(c, size);
    if (!arrays)
        return lte_fail_memory(c, "the memory plan", size);
    lte_session_params_init(&params);
    lte_layout_arrays(p->graph, &layout, arrays);
    enum lte_status status =
        lte_layout_fill(c, p->graph, &params, sizeof(struct lte_session), &layout);
    if (status == LTE_OK)
        status = lte_vk_program_try(p, &layout, &params, 1, 1, true, &scratch);
    if (status == LTE_OK)
        status = lte_vk_program_try(p, &layout, &params, 1, params.batch, true, &scratch);
    lte_release(c, arrays, size);
    return status;
}

enum lte_status lte_vk_program_load(struct lte_vk_device *device, const struct lte_graph *graph,
                                    struct lte_vk_program **program)
{
    *program = NULL;
    struct lte_vk_program *p = lte_alloc_zero(device->context, sizeof *p);
    if (!p)
        return lte_fail_memory(device->context, "the model's device part", sizeof *p);
    p->device = device;
    p->graph = graph;
    enum lte_status status = gather(p);
    if (status == LTE_OK) {
        sort(p);
        status = fill(p);
    }
    if (status != LTE_OK)
        lte_vk_program_free(p);
    else
        *program = p;
    return status;
}

void lte_vk_program_free(struct lte_vk_program *p)
{
    if (!p)
        return;
    const struct lte_context *c = p->device->context;
    for (size_t i = 0; i < p->blocks; i++)
        lte_vk_buffer_free(p->device, &p->block[i]);
    lte_release(c, p->block, p->blocks * sizeof *p->block);
    lte_release(c, p->weight, p->weight_capacity * sizeof *p->weight);
    lte_release(c, p, sizeof *p);
}
