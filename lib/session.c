// SPDX-License-Identifier: BSD-2-Clause
// Sessions: planning, making, resetting.
#include "config.h"

#include "lib/session.h"

#include <string.h>

#include "lib/place.h"

enum { DEFAULT_MAX_TOKENS = 4096, DEFAULT_BATCH = 256, MAX_BATCH = 4096 };
#define MAX_TOKENS ((uint64_t)1 << 31) // positions within a call are 32-bit in the kernels

void lte_session_params_init(struct lte_session_params *params)
{
    if (params)
        *params = (struct lte_session_params){.max_tokens = DEFAULT_MAX_TOKENS,
                                              .batch = DEFAULT_BATCH,
                                              .kv_dtype = LTE_DTYPE_F32};
}

// Whether a layer keeps every token: only then does max_tokens mean anything.
static bool grows(const struct lte_model *model)
{
    for (uint32_t s = 0; s < model->layers * model->loops; s++)
        if (model->layer[s % model->layers].mixer == LTE_MIXER_NSA ||
            model->layer[s % model->layers].mixer == LTE_MIXER_DSA ||
            (model->layer[s % model->layers].mixer == LTE_MIXER_ATTENTION &&
             !lte_model_window(model, s)))
            return true;
    return false;
}

static enum lte_status check_params(const struct lte_model *model,
                                    const struct lte_session_params *given,
                                    struct lte_session_params *p)
{
    lte_session_params_init(p);
    if (given)
        *p = *given;
    if (grows(model) && (p->max_tokens < 1 || p->max_tokens > MAX_TOKENS))
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "max_tokens %llu is outside 1..%llu",
                        (unsigned long long)p->max_tokens, (unsigned long long)MAX_TOKENS);
    if (p->batch < 1 || p->batch > MAX_BATCH)
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "batch %u is outside 1..%d",
                        (unsigned)p->batch, MAX_BATCH);
    if (!lte_dtype_size(p->kv_dtype))
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "kv_dtype %d is not one of enum lte_dtype",
                        (int)p->kv_dtype);
    if (!(p->exit_threshold >= 0))
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "exit_threshold %g is below 0",
                        (double)p->exit_threshold);
    return LTE_OK;
}

// A layout with its arrays in a block of its own, for planning.
static enum lte_status plan_layout(const struct lte_model *model,
                                   const struct lte_session_params *params,
                                   struct lte_layout *layout, void **arrays)
{
    const struct lte_context *c = model->context;
    const size_t size = lte_layout_arrays(model->graph, layout, NULL);
    *arrays = lte_alloc(c, size);
    if (!*arrays)
        return lte_fail_memory(c, "the memory plan", size);
    lte_layout_arrays(model->graph, layout, *arrays);
    const enum lte_status status =
        lte_layout_fill(c, model->graph, params, sizeof(struct lte_session), layout);
    if (status != LTE_OK)
        lte_release(c, *arrays, size);
    return status;
}

static void release_layout(const struct lte_model *model, struct lte_layout *layout, void *arrays)
{
    lte_release(model->context, arrays, lte_layout_arrays(model->graph, layout, NULL));
}

// Keys and values of every attention layer and loop for max_tokens, had nothing been evicted; as
// much as the type holds if that overflows, which only a model that ignores max_tokens can reach.
static uint64_t full_cache_bytes(const struct lte_model *model, const struct lte_session_params *p)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model->layers; i++) {
        const struct lte_layer *l = &model->layer[i];
        if (lte_mixer_attends(l->mixer))
            bytes += (uint64_t)2 * l->attention.key_heads * l->attention.head_dim *
                     lte_dtype_size(p->kv_dtype) * model->loops;
    }
    return bytes && p->max_tokens > UINT64_MAX / bytes ? UINT64_MAX : bytes * p->max_tokens;
}

enum lte_status lte_session_plan(const struct lte_model *model,
                                 const struct lte_session_params *params, struct lte_plan *plan)
{
    struct lte_session_params p;
    struct lte_layout layout;
    void *arrays;
    if (!model || !plan)
        return LTE_ERR_ARGUMENT;
    LTE_TRY(check_params(model, params, &p));
    LTE_TRY(plan_layout(model, &p, &layout, &arrays));
    struct lte_place place;
    const enum lte_status status = lte_place_choose(model, &layout, &p, &place);
    const uint64_t activations =
        place.device ? place.device_bytes : layout.total - layout.arena;
    *plan = (struct lte_plan){
        .state = layout.state_bytes,
        .activations = activations,
        .session = layout.bookkeeping + layout.state_bytes + activations,
        .growing = layout.growing_bytes,
        .max_tokens = layout.growing_bytes ? p.max_tokens : UINT64_MAX,
        .full_cache = full_cache_bytes(model, &p),
        .slots = model->graph->slots,
    };
    release_layout(model, &layout, arrays);
    return status;
}

enum lte_status lte_session_plan_slot(const struct lte_model *model,
                                      const struct lte_session_params *params, uint32_t slot,
                                      struct lte_plan_slot *out)
{
    struct lte_session_params p;
    struct lte_layout layout;
    void *arrays;
    if (!model || !out)
        return LTE_ERR_ARGUMENT;
    if (slot >= model->graph->slots)
        return lte_fail(model->context, LTE_ERR_ARGUMENT, "slot %u is outside 0..%u", (unsigned)slot,
                        (unsigned)model->graph->slots - 1);
    LTE_TRY(check_params(model, params, &p));
    LTE_TRY(plan_layout(model, &p, &layout, &arrays));
    struct lte_layer_info info;
    const enum lte_status status = lte_model_layer(model, slot % model->layers, &info);
    if (model->looping.window && model->layer[slot % model->layers].mixer == LTE_MIXER_ATTENTION)
        info.mixer = lte_model_window(model, slot) ? "window" : "attention";
    *out = (struct lte_plan_slot){.mixer = info.mixer,
                                  .loop = slot / model->layers,
                                  .layer = slot % model->layers,
                                  .bytes = layout.slot_bytes[slot],
                                  .grows = layout.slot_grows[slot]};
    release_layout(model, &layout, arrays);
    return status;
}

static enum lte_status fill_layout(struct lte_session *s)
{
    const struct lte_model *m = s->model;
    lte_layout_arrays(m->graph, &s->layout, (unsigned char *)s + lte_align(sizeof *s));
    LTE_TRY(lte_layout_fill(m->context, m->graph, &s->params, sizeof *s, &s->layout));
    s->limit = s->layout.growing_bytes ? s->params.max_tokens : UINT64_MAX;
    return LTE_OK;
}

static enum lte_status make_host(struct lte_session *s)
{
    LTE_TRY(fill_layout(s));
    lte_all_used(s->model->context, s, s->layout.growing);
    // room that no token has reached yet is part of the state that a caller may take
    memset((unsigned char *)s + s->layout.bookkeeping, 0, s->layout.growing - s->layout.bookkeeping);
    lte_session_reset(s);
    return LTE_OK;
}

static enum lte_status make_device(struct lte_session *s)
{
    LTE_TRY(fill_layout(s));
    return lte_place_make(s);
}

enum lte_status lte_session_new(const struct lte_model *model,
                                const struct lte_session_params *params,
                                struct lte_session **session)
{
    struct lte_session_params p;
    struct lte_layout layout;
    void *arrays;
    if (!session)
        return LTE_ERR_ARGUMENT;
    *session = NULL;
    if (!model)
        return LTE_ERR_ARGUMENT;
    const struct lte_context *c = model->context;
    LTE_TRY(check_params(model, params, &p));
    LTE_TRY(plan_layout(model, &p, &layout, &arrays));
    struct lte_place place;
    enum lte_status status = lte_place_choose(model, &layout, &p, &place);
    release_layout(model, &layout, arrays);
    LTE_TRY(status);

    struct lte_session *s = lte_alloc(c, place.host_bytes);
    if (!s)
        return lte_fail_memory(c, "the session", place.host_bytes);
    *s = (struct lte_session){.model = model, .params = p, .bytes = place.host_bytes};
    status = place.device ? make_device(s) : make_host(s);
    if (status != LTE_OK)
        lte_release(c, s, place.host_bytes);
    else
        *session = s;
    return status;
}

void lte_session_free(struct lte_session *session)
{
    if (!session)
        return;
    lte_place_end(session);
    lte_release(session->model->context, session, session->bytes);
}

void lte_session_reset(struct lte_session *session)
{
    const struct lte_graph *g = session->model->graph;
    session->position = 0;
    if (session->device) {
        lte_place_clear(session);
        return;
    }
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op_row *row = lte_op_table[g->op[i].kind];
        bool grows = false;
        if (!row->state)
            continue;
        unsigned char *state = (unsigned char *)session + session->layout.state[i];
        if (row->reset)
            row->reset(&g->op[i], &session->params, state);
        else
            memset(state, 0, row->state(&g->op[i], &session->params, &grows));
    }
}

uint64_t lte_session_position(const struct lte_session *session)
{
    return session->position;
}

void lte_session_set_progress(struct lte_session *session, lte_progress_fn *progress, void *opaque)
{
    session->progress = progress;
    session->progress_opaque = opaque;
}

struct lte_exec_memory lte_session_memory(struct lte_session *session)
{
    const struct lte_layout *l = &session->layout;
    return (struct lte_exec_memory){.values = (unsigned char *)session + l->arena,
                                    .offset = l->value,
                                    .scratch = (unsigned char *)session + l->scratch,
                                    .scratch_shared = l->scratch_shared,
                                    .scratch_each = l->scratch_each};
}
