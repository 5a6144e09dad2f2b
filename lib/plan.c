// SPDX-License-Identifier: BSD-2-Clause
// Memory planning: states one after another, values by liveness, then scratch.
#include "config.h"

#include "lib/plan.h"

#include <string.h>

#include "lib/fusion.h"

size_t lte_layout_arrays(const struct lte_graph *g, struct lte_layout *layout, void *memory)
{
    const size_t value = lte_align(g->values * sizeof *layout->value);
    const size_t state = lte_align(g->ops * sizeof *layout->state);
    const size_t slots = lte_align(g->slots * sizeof *layout->slot_bytes);
    if (memory) {
        unsigned char *p = memory;
        layout->value = (size_t *)(void *)p;
        layout->state = (size_t *)(void *)(p + value);
        layout->slot_bytes = (uint64_t *)(void *)(p + value + state);
        layout->slot_grows = (bool *)(p + value + state + slots);
    }
    return value + state + slots + lte_align(g->slots * sizeof *layout->slot_grows);
}

// Ops that first write and last read a value. A value written by nobody stays at first = ops.
struct live {
    size_t first, last;
};

static void touch(struct live *live, lte_value v, size_t values, size_t op)
{
    if (v >= values)
        return;
    if (live[v].first > op)
        live[v].first = op;
    if (live[v].last < op)
        live[v].last = op;
}

static void touch_all(const struct lte_graph *g, struct live *live, const struct lte_op *op, size_t at)
{
    for (size_t k = 0; k < LTE_OP_INPUTS; k++)
        touch(live, op->in[k], g->values, at);
    touch(live, op->out, g->values, at);
    for (unsigned p = 0; op->kind == LTE_OP_LINEAR && p < op->linear.parts; p++)
        touch(live, op->linear.part[p].out, g->values, at);
}

// Ops that may run together touch their values at the same time.
static void find_liveness(const struct lte_graph *g, struct live *live)
{
    for (size_t v = 0; v < g->values; v++)
        live[v] = (struct live){.first = g->ops};
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_fusion f = lte_fusion(g, i);
        touch_all(g, live, &g->op[i], i);
        for (size_t n = f.first; n <= f.last && f.first < f.last; n++) {
            touch_all(g, live, &g->op[n], f.first);
            touch_all(g, live, &g->op[n], f.last);
        }
    }
}

// First fit: the lowest offset at which `v` overlaps no placed value that lives at the same time.
// Values are placed in the order in which they are first written.
static size_t place(const struct live *live, const size_t *offset, const size_t *bytes, size_t v)
{
    size_t at = 0;
    for (size_t u = 0; u < v; u++) {
        const bool together = live[u].first <= live[v].last && live[v].first <= live[u].last;
        if (!together || offset[u] >= at + bytes[v] || at >= offset[u] + bytes[u])
            continue;
        at = offset[u] + bytes[u];
        u = (size_t)-1; // moved: look at all of them again
    }
    return at;
}

static enum lte_status place_values(const struct lte_context *c, const struct lte_graph *g,
                                    size_t rows, struct lte_layout *layout)
{
    const size_t size = g->values * (sizeof(struct live) + sizeof(size_t));
    struct live *live = lte_alloc(c, size);
    if (!live)
        return lte_fail_memory(c, "the memory plan", size);
    size_t *bytes = (size_t *)(void *)(live + g->values);
    find_liveness(g, live);
    layout->arena_bytes = 0;
    for (size_t v = 0; v < g->values; v++) {
        bytes[v] = lte_align(g->width[v] * rows * sizeof(float));
        layout->value[v] = place(live, layout->value, bytes, v);
        if (layout->arena_bytes < layout->value[v] + bytes[v])
            layout->arena_bytes = layout->value[v] + bytes[v];
    }
    lte_release(c, live, size);
    return LTE_OK;
}

static void place_states_that(bool grow, const struct lte_graph *g,
                              const struct lte_session_params *params, struct lte_layout *layout)
{
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op *op = &g->op[i];
        const struct lte_op_row *row = lte_op_table[op->kind];
        bool grows = false;
        const size_t bytes = row->state ? lte_align(row->state(op, params, &grows)) : 0;
        if (grows != grow)
            continue;
        layout->state[i] = layout->bookkeeping + layout->state_bytes;
        layout->state_bytes += bytes;
        if (bytes) {
            layout->slot_bytes[op->slot] += bytes;
            layout->slot_grows[op->slot] |= grow;
        }
    }
}

// What does not grow lies together: it is used in full from the start.
static void place_states(const struct lte_graph *g, const struct lte_session_params *params,
                         struct lte_layout *layout)
{
    memset(layout->slot_bytes, 0, g->slots * sizeof *layout->slot_bytes);
    memset(layout->slot_grows, 0, g->slots * sizeof *layout->slot_grows);
    layout->state_bytes = layout->growing_bytes = 0;
    place_states_that(false, g, params, layout);
    layout->growing = layout->bookkeeping + layout->state_bytes;
    place_states_that(true, g, params, layout);
    layout->growing_bytes = layout->bookkeeping + layout->state_bytes - layout->growing;
}

static void size_scratch(const struct lte_context *c, const struct lte_graph *g,
                         const struct lte_session_params *params, struct lte_layout *layout)
{
    layout->scratch_shared = layout->scratch_each = 0;
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op_row *row = lte_op_table[g->op[i].kind];
        size_t shared = 0, each = 0;
        if (row->scratch)
            row->scratch(&g->op[i], params, &c->kernels, &shared, &each);
        layout->scratch_shared = shared > layout->scratch_shared ? shared : layout->scratch_shared;
        layout->scratch_each = each > layout->scratch_each ? each : layout->scratch_each;
    }
    layout->scratch_shared = lte_align(layout->scratch_shared);
    layout->scratch_each = lte_align(layout->scratch_each);
}

enum lte_status lte_layout_fill(const struct lte_context *c, const struct lte_graph *g,
                                const struct lte_session_params *params, size_t first,
                                struct lte_layout *layout)
{
    layout->bookkeeping = lte_align(first) + lte_layout_arrays(g, layout, NULL);
    place_states(g, params, layout);
    LTE_TRY(place_values(c, g, params->batch, layout));
    size_scratch(c, g, params, layout);
    layout->arena = layout->bookkeeping + layout->state_bytes;
    layout->scratch = layout->arena + layout->arena_bytes;
    layout->total =
        layout->scratch + layout->scratch_shared + c->threads * layout->scratch_each;
    return LTE_OK;
}
