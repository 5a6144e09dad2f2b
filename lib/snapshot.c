// SPDX-License-Identifier: BSD-2-Clause
// A session's state as bytes: to continue it later, elsewhere, or on another device.
#include "config.h"

#include <string.h>

#include "lib/backend.h"
#include "lib/kv.h"
#include "lib/session.h"

static const char magic[8] = "LTEstate";
enum { STATE_VERSION = 1 };

struct header {
    char magic[8];
    uint32_t version, ops;
    uint64_t shape;    // of the states, and so of model and parameters
    uint64_t position;
    uint64_t bytes;    // that follow
};

static void mix(uint64_t *hash, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        *hash = (*hash ^ (value >> 8 * i & 0xFF)) * UINT64_C(0x100000001B3); // FNV-1a
}

// States of equal shape lie alike, whichever device they are on.
static uint64_t shape_of(const struct lte_session *s)
{
    const struct lte_graph *g = s->model->graph;
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op *op = &g->op[i];
        const struct lte_op_row *row = lte_op_table[op->kind];
        bool grows = false;
        if (!row->state)
            continue;
        mix(&hash, op->kind);
        mix(&hash, op->slot);
        mix(&hash, row->state(op, &s->params, &grows));
    }
    mix(&hash, (uint64_t)s->params.kv_dtype);
    mix(&hash, s->model->vocabulary);
    return hash;
}

static struct header header_of(const struct lte_session *s)
{
    struct header h = {.version = STATE_VERSION,
                       .ops = (uint32_t)s->model->graph->ops,
                       .shape = shape_of(s),
                       .position = s->position,
                       .bytes = s->layout.state_bytes};
    memcpy(h.magic, magic, sizeof magic);
    return h;
}

size_t lte_session_state_size(const struct lte_session *s)
{
    return sizeof(struct header) + s->layout.state_bytes;
}

// Rooms that no token has reached yet.
static void blank(const struct lte_session *s, unsigned char *states)
{
    const struct lte_graph *g = s->model->graph;
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_op_row *row = lte_op_table[g->op[i].kind];
        bool grows = false;
        if (row->state && row->state(&g->op[i], &s->params, &grows) && grows)
            row->blank(&g->op[i], &s->params, s->position,
                       states + (s->layout.state[i] - s->layout.bookkeeping));
    }
}

enum lte_status lte_session_get_state(const struct lte_session *s, void *state, size_t size)
{
    if (!s || !state)
        return LTE_ERR_ARGUMENT;
    if (size < lte_session_state_size(s))
        return LTE_ERR_SPACE;
    const struct header h = header_of(s);
    unsigned char *to = (unsigned char *)state + sizeof h;
    memcpy(state, &h, sizeof h);
    if (s->device)
        return s->model->context->backend->download(s->device, to);
    memcpy(to, (const unsigned char *)s + s->layout.bookkeeping, s->layout.state_bytes);
    blank(s, to);
    return LTE_OK;
}

// Counts that attention takes indices from. `bytes` may be unaligned.
static bool counts_fit(const struct lte_session *s, uint64_t position, const unsigned char *states)
{
    const struct lte_graph *g = s->model->graph;
    for (size_t i = 0; i < g->ops; i++) {
        const struct lte_attend_op *a = &g->op[i].attend;
        if (g->op[i].kind != LTE_OP_ATTEND || !a->retains ||
            (s->params.share_loops && a->ahead))
            continue;
        const size_t at =
            s->layout.state[i] - s->layout.bookkeeping + lte_kv_counts(a, &s->params);
        for (size_t h = 0; h < a->key_heads; h++) {
            uint64_t used;
            memcpy(&used, states + at + h * sizeof used, sizeof used);
            if (used > a->buffer || used > position)
                return false;
        }
    }
    return true;
}

static enum lte_status check(const struct lte_session *s, const struct header *h)
{
    const struct lte_context *c = s->model->context;
    const struct header want = header_of(s);
    if (memcmp(h->magic, magic, sizeof magic) || h->version != STATE_VERSION)
        return lte_fail(c, LTE_ERR_FORMAT, "these bytes are not a session's state");
    if (h->ops != want.ops || h->shape != want.shape || h->bytes != want.bytes)
        return lte_fail(c, LTE_ERR_FORMAT,
                        "this state is that of a session of another model or of other parameters");
    if (h->position > s->limit)
        return lte_fail(c, LTE_ERR_CONTEXT_FULL, "this state is at %llu, and max_tokens is %llu",
                        (unsigned long long)h->position, (unsigned long long)s->limit);
    return LTE_OK;
}

enum lte_status lte_session_set_state(struct lte_session *s, const void *state, size_t size)
{
    struct header h;
    if (!s || !state)
        return LTE_ERR_ARGUMENT;
    const unsigned char *from = (const unsigned char *)state + sizeof h;
    if (size < sizeof h || size != lte_session_state_size(s))
        return lte_fail(s->model->context, LTE_ERR_FORMAT,
                        "a state of %zu bytes: this session's has %zu", size,
                        lte_session_state_size(s));
    memcpy(&h, state, sizeof h);
    LTE_TRY(check(s, &h));
    if (!counts_fit(s, h.position, from))
        return lte_fail(s->model->context, LTE_ERR_FORMAT, "this state contradicts itself");
    if (s->device)
        LTE_TRY(s->model->context->backend->upload(s->device, from));
    else
        memcpy((unsigned char *)s + s->layout.bookkeeping, from, s->layout.state_bytes);
    s->position = h.position;
    return LTE_OK;
}
