// SPDX-License-Identifier: BSD-2-Clause
// Weights of a converted model, each from where the source has it, streamed from file to file.
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "lib/convert.h"
#include "lib/fresh.h"

// One weight of the target.
struct piece {
    struct lte_weight weight;
    const struct lte_tensor *from;       // NULL: fresh
    const struct lte_attention *heads;   // of a matrix whose rows are taken head by head, or NULL
    bool queries;                        // it is that of the queries
};

struct conversion {
    const struct lte_context *context;
    const struct lte_model *source;
    struct lte_model *target;
    struct piece *piece;
    struct lte_tensor *tensors;          // the same, for the writer
    size_t count, filled;
    struct lte_fresh fresh;
    struct lte_writer *writer;
    enum lte_status status;
};

static bool within(const void *p, const void *begin, size_t size, size_t *offset)
{
    const uintptr_t at = (uintptr_t)p, from = (uintptr_t)begin;
    *offset = (size_t)(at - from);
    return at >= from && at - from < size;
}

static const struct lte_tensor *tensor_at(const void *base, size_t offset)
{
    const struct lte_tensor *t;
    memcpy(&t, (const unsigned char *)base + offset, sizeof t);
    return t;
}

// What a Gated DeltaNet layer takes over from the attention that it replaces.
static void find_mixer(struct piece *p, const struct lte_gdn *to, const struct lte_attention *from)
{
    const struct lte_tensor **slot = p->weight.slot;
    p->queries = slot == &to->q_proj;
    p->from = p->queries             ? from->q_proj
              : slot == &to->k_proj ? from->k_proj
              : slot == &to->v_proj ? from->v_proj
              : slot == &to->o_proj ? from->o_proj
                                    : NULL;
    if (p->from && slot != &to->o_proj)
        p->heads = from;
}

// Whether a layer has all weights of full attention, and perhaps some to select tokens with.
static bool is_attention(enum lte_mixer mixer)
{
    return mixer == LTE_MIXER_ATTENTION || mixer == LTE_MIXER_DSA || mixer == LTE_MIXER_NSA;
}

// Source and target are of one form, so that what lies at the same place is the same weight; but
// for the mixers that are replaced.
static void find_source(const struct conversion *c, struct piece *p)
{
    const struct lte_model *s = c->source, *t = c->target;
    size_t offset;
    if (within(p->weight.slot, t, sizeof *t, &offset)) {
        p->from = tensor_at(s, offset);
        return;
    }
    if (!within(p->weight.slot, t->layer, t->layers * sizeof *t->layer, &offset))
        return;
    const size_t n = offset / sizeof *t->layer, place = offset % sizeof *t->layer;
    const struct lte_layer *to = &t->layer[n];
    if (place >= offsetof(struct lte_layer, attn_norm) || is_attention(to->mixer))
        p->from = tensor_at(&s->layer[n], place);
    else if (lte_mixer_is_delta(to->mixer))
        find_mixer(p, &to->gdn, &s->layer[n].attention);
}

static enum lte_status check_piece(const struct conversion *c, const struct piece *p)
{
    const struct lte_weight *w = &p->weight;
    if (!p->from)
        return LTE_OK;
    if (!p->heads)
        return lte_weight_check(c->context, w, p->from);
    const uint64_t rows = (uint64_t)p->heads->heads * p->heads->head_dim;
    if (w->shape[0] == rows)
        return LTE_OK;
    return lte_fail(c->context, LTE_ERR_UNSUPPORTED,
                    "tensor \"%s\" would have %llu rows; the source's %u heads of %u make %llu: only "
                    "a mixer with the same heads can take them over", w->name,
                    (unsigned long long)w->shape[0], (unsigned)p->heads->heads,
                    (unsigned)p->heads->head_dim, (unsigned long long)rows);
}

static enum lte_file_type piece_type(const struct conversion *c, const struct piece *p)
{
    if (p->from)
        return p->from->type;
    return p->weight.dims < 2 ? LTE_FILE_F32 : c->source->layer[0].attention.q_proj->type;
}

static enum lte_status list(struct conversion *c, const struct lte_weight *w, bool wide)
{
    struct piece p = {.weight = *w};
    if (!w->slot || w->twin)
        return LTE_OK;
    find_source(c, &p);
    LTE_TRY(check_piece(c, &p));
    const enum lte_file_type type = piece_type(c, &p);
    if ((type == LTE_FILE_F32) != wide)
        return LTE_OK;
    struct piece *own = &c->piece[c->filled];
    struct lte_tensor *t = &c->tensors[c->filled++];
    *own = p;
    *t = (struct lte_tensor){.name = own->weight.name, .type = type, .dims = w->dims};
    memcpy(t->shape, w->shape, sizeof w->shape);
    return LTE_OK;
}

// Four bytes an element come first and so lie at multiples of four.
static enum lte_status list_wide(void *arg, const struct lte_weight *w)
{
    return list(arg, w, true);
}

static enum lte_status list_narrow(void *arg, const struct lte_weight *w)
{
    return list(arg, w, false);
}

// The first row of head `head` in the source: key heads may be shared, and a q_proj may make the
// output gate too, head by head or group by group.
static size_t first_row(const struct piece *p, size_t head)
{
    const struct lte_attention *a = p->heads;
    const size_t group = a->heads / a->key_heads;
    if (!p->queries)
        return head / group * a->head_dim;
    if (a->gate == LTE_GATE_QUERY)
        return 2 * head * a->head_dim;
    if (a->gate == LTE_GATE_QUERY_GROUP)
        return (head / group * 2 * group + head % group) * a->head_dim;
    return head * a->head_dim;
}

static enum lte_status put_heads(struct conversion *c, const struct piece *p)
{
    const size_t row = (size_t)p->from->shape[1] * lte_dtype_size((enum lte_dtype)p->from->type);
    for (size_t h = 0; h < p->heads->heads; h++) {
        const unsigned char *from = (const unsigned char *)p->from->data + first_row(p, h) * row;
        LTE_TRY(lte_writer_put(c->writer, from, p->heads->head_dim * row));
    }
    return LTE_OK;
}

static void write_all(struct lte_par *team, void *arg)
{
    struct conversion *c = arg;
    c->status = LTE_OK;
    for (size_t i = 0; i < c->count && c->status == LTE_OK; i++) {
        const struct piece *p = &c->piece[i];
        if (!p->from)
            c->status = lte_fresh_put(&c->fresh, team, &p->weight,
                                      (enum lte_dtype)c->tensors[i].type, c->writer);
        else if (p->heads)
            c->status = put_heads(c, p);
        else
            c->status = lte_writer_put(c->writer, p->from->data, (size_t)lte_tensor_bytes(p->from));
    }
}

static enum lte_status write_file(struct conversion *c, const char *path)
{
    LTE_TRY(lte_model_walk(c->target, list_wide, c));
    LTE_TRY(lte_model_walk(c->target, list_narrow, c));
    LTE_TRY(lte_writer_begin(c->context, path, c->tensors, c->count, &c->writer));
    lte_par_run(c->context->par, write_all, c);
    if (c->status == LTE_OK)
        return lte_writer_finish(c->writer);
    lte_writer_abandon(c->writer);
    return c->status;
}

enum lte_status lte_convert_weights(const struct lte_model *source, struct lte_model *target,
                                    const char *path, uint64_t seed)
{
    struct conversion c = {.context = target->context, .source = source, .target = target,
                           .count = target->tensor_count};
    c.piece = lte_alloc_array(c.context, c.count, sizeof *c.piece);
    c.tensors = lte_alloc_array(c.context, c.count, sizeof *c.tensors);
    enum lte_status status = lte_fresh_begin(c.context, seed, &c.fresh);
    if (status == LTE_OK && (!c.piece || !c.tensors))
        status = lte_fail_memory(c.context, "the table of weights", c.count * sizeof *c.piece);
    if (status == LTE_OK)
        status = write_file(&c, path);
    lte_fresh_end(&c.fresh);
    lte_release(c.context, c.piece, c.count * sizeof *c.piece);
    lte_release(c.context, c.tensors, c.count * sizeof *c.tensors);
    return status;
}
