// SPDX-License-Identifier: BSD-2-Clause
// attend: softmax attention over ring, retained buffer and the tokens of this call, by key head.
#include "config.h"

#include <math.h>

#include "lib/grad/grad.h"
#include "lib/kv.h"
#include "lib/op/loop.h"
#include "lib/session.h"

struct attend {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *q;
    float *k, *v, *o;
    const float *score;
    // a segment of many tokens: what its heads share
    const struct lte_segment *segment;
    struct lte_kv kv;
    size_t plan_bytes;
};

// Where keys and values lie: with share_loops at the last loop's op, which alone stores them.
static const struct lte_op *keeper(const struct lte_op *op, const struct lte_session *session)
{
    return session->params.share_loops ? op + op->attend.ahead : op;
}

static void carve(const struct attend *a, const struct lte_session *session, struct lte_kv *kv)
{
    lte_kv_carve(&a->op->attend, &session->params,
                 lte_exec_state(a->exec, keeper(a->op, session), session), kv);
}

// A token of a step: it is kept as it was in the loop after which it left. Later loops store it
// again, over what earlier ones did.
static bool keeps_single(const struct attend *a, const struct lte_segment *g)
{
    const struct lte_attend_op *op = &a->op->attend;
    const struct lte_session_params *p = &g->session->params;
    if (!p->share_loops || !op->leaves)
        return keeper(a->op, g->session) == a->op;
    const size_t width = lte_exec_width(a->exec, a->op->in[3]);
    const float *logit = lte_exec_value(a->exec, a->op->in[3]);
    const float threshold = lte_loop_threshold(p, op->threshold);
    return !lte_loop_left(a->exec->kernels, logit + g->row * width, op->loop, threshold);
}

static struct lte_kv_tokens tokens_of(const struct attend *a, const struct lte_segment *g)
{
    const struct lte_attend_op *op = &a->op->attend;
    const size_t width = op->key_heads * op->head_dim;
    return (struct lte_kv_tokens){.k = a->k + g->row * width,
                                  .v = a->v + g->row * width,
                                  .score = a->score ? a->score + g->row * op->key_heads : NULL,
                                  .rows = g->rows,
                                  .position = g->position};
}

// Entries kept in 16 bits are rounded before their first use, so that what a query sees of a token
// does not depend on where the calls were split.
static void round_head(const struct attend *a, const struct lte_kv *kv, const struct lte_segment *g,
                       size_t head, void *scratch)
{
    const struct lte_attend_op *op = &a->op->attend;
    const struct lte_kernels *k = a->exec->kernels;
    if (kv->type == LTE_DTYPE_F32)
        return;
    for (size_t r = 0; r < g->rows; r++) {
        const size_t at = ((g->row + r) * op->key_heads + head) * op->head_dim;
        k->narrow[kv->type](scratch, a->k + at, op->head_dim);
        k->widen[kv->type](a->k + at, scratch, op->head_dim);
        k->narrow[kv->type](scratch, a->v + at, op->head_dim);
        k->widen[kv->type](a->v + at, scratch, op->head_dim);
    }
}

static struct lte_kv_span span(const struct lte_kv *kv, const void *k, const void *v, size_t entries,
                               size_t head, size_t keys, const struct lte_kv_plan *plan, size_t first)
{
    const size_t dim = kv->op->head_dim, at = head * entries * dim * lte_dtype_size(kv->type);
    return (struct lte_kv_span){.k = (const unsigned char *)k + at,
                                .v = (const unsigned char *)v + at,
                                .k_stride = dim,
                                .v_stride = dim,
                                .from = plan->from + first,
                                .until = plan->until + first,
                                .keys = keys};
}

// Queries [first, first + count) of a segment, for the query heads of one key head.
static void queries(const struct attend *a, const struct lte_kv *kv, const struct lte_segment *g,
                    size_t head, const struct lte_kv_plan *plan, size_t first, size_t count,
                    float *scratch)
{
    const struct lte_attend_op *op = &a->op->attend;
    const struct lte_kv_tokens t = tokens_of(a, g);
    const size_t dim = op->head_dim, group = op->heads / op->key_heads;
    struct lte_kv_span spans[3];
    size_t n = 0;
    if (op->retains)
        spans[n++] = span(kv, kv->buffer_k, kv->buffer_v, op->buffer, head,
                          (size_t)kv->buffer_used[head], plan, 0);
    spans[n++] = span(kv, kv->ring_k, kv->ring_v, kv->ring, head, lte_kv_ring_used(kv, g->position),
                      plan, op->buffer);
    spans[n++] = (struct lte_kv_span){.k = t.k + head * dim,
                                      .v = t.v + head * dim,
                                      .k_stride = op->key_heads * dim,
                                      .v_stride = op->key_heads * dim,
                                      .from = plan->from + op->buffer + kv->ring,
                                      .until = plan->until + op->buffer + kv->ring,
                                      .keys = g->rows,
                                      .f32 = 1};
    const size_t row = (g->row * op->heads + head * group) * dim;
    a->exec->kernels->attend[kv->type](&(struct lte_attend_args){
        .q = a->q + row,
        .o = a->o + row,
        .q_stride = op->heads * dim,
        .o_stride = op->heads * dim,
        .first = first,
        .count = count,
        .group = group,
        .head_dim = dim,
        .scale = (float)(1.0 / sqrt((double)dim)),
        .span = spans,
        .spans = n,
        .scratch = scratch,
    });
}

// A segment of one token: a head's plan, attention and store are one item.
static void single(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_attend_op *op = &a->op->attend;
    const struct lte_segment *g = &a->exec->segment[item / op->key_heads];
    const size_t head = item % op->key_heads;
    unsigned char *scratch = lte_exec_scratch(a->exec, thread);
    struct lte_kv kv;
    carve(a, g->session, &kv);
    const struct lte_kv_tokens t = tokens_of(a, g);
    const size_t group = op->heads / op->key_heads;
    const size_t attend_bytes = lte_align(lte_attend_scratch(group, op->head_dim) * sizeof(float));
    const struct lte_kv_plan plan = lte_kv_plan_carve(&kv, 1, scratch + attend_bytes);
    round_head(a, &kv, g, head, scratch);
    lte_kv_plan_head(&kv, a->exec->kernels, &t, head, &plan);
    queries(a, &kv, g, head, &plan, 0, 1, (float *)(void *)scratch);
    if (keeps_single(a, g))
        lte_kv_store_head(&kv, a->exec->kernels, &t, head, &plan);
}

static struct lte_kv_plan plan_of(const struct attend *a, size_t head)
{
    unsigned char *shared = lte_exec_shared(a->exec);
    return lte_kv_plan_carve(&a->kv, a->segment->rows, shared + head * a->plan_bytes);
}

static void plan_item(void *arg, size_t head, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_kv_tokens t = tokens_of(a, a->segment);
    const struct lte_kv_plan plan = plan_of(a, head);
    round_head(a, &a->kv, a->segment, head, lte_exec_scratch(a->exec, thread));
    lte_kv_plan_head(&a->kv, a->exec->kernels, &t, head, &plan);
}

static void queries_item(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const size_t heads = a->op->attend.key_heads;
    const size_t first = item / heads * LTE_ATTEND_QUERIES, head = item % heads;
    const size_t left = a->segment->rows - first;
    const struct lte_kv_plan plan = plan_of(a, head);
    queries(a, &a->kv, a->segment, head, &plan, first,
            left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES,
            lte_exec_scratch(a->exec, thread));
}

static void store_item(void *arg, size_t head, unsigned thread)
{
    const struct attend *a = arg;
    const struct lte_kv_tokens t = tokens_of(a, a->segment);
    const struct lte_kv_plan plan = plan_of(a, head);
    (void)thread;
    lte_kv_store_head(&a->kv, a->exec->kernels, &t, head, &plan);
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    const struct lte_attend_op *o = &op->attend;
    struct attend a = {.exec = x,
                       .op = op,
                       .q = lte_exec_value(x, op->in[0]),
                       .k = lte_exec_value(x, op->in[1]),
                       .v = lte_exec_value(x, op->in[2]),
                       .o = lte_exec_value(x, op->out),
                       .score = o->retains ? lte_exec_value(x, op->in[3]) : NULL};
    if (x->segment[0].rows == 1) { // a step of one or more sessions
        lte_exec_for(x, x->segments * o->key_heads, single, &a);
        return;
    }
    const struct lte_segment *g = a.segment = &x->segment[0];
    carve(&a, g->session, &a.kv);
    a.plan_bytes = lte_kv_plan_bytes(o, &g->session->params, g->rows);
    const size_t blocks = (g->rows + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
    lte_exec_for(x, o->key_heads, plan_item, &a);
    lte_exec_for(x, blocks * o->key_heads, queries_item, &a);
    if (keeper(op, g->session) == op)
        lte_exec_for(x, o->key_heads, store_item, &a);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_attend_op *o = &op->attend;
    const size_t kv = o->key_heads * o->head_dim;
    const bool fits = o->heads % o->key_heads == 0 && in_width[0] == o->heads * o->head_dim &&
                      in_width[1] == kv && in_width[2] == kv &&
                      (!o->retains || (in_width[3] == o->key_heads && o->window > o->delay));
    return fits ? in_width[0] : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    *grows = !op->attend.window;
    if (params->share_loops && op->attend.ahead)
        return 0;
    return lte_kv_carve(&op->attend, params, NULL, NULL);
}

// Entries are written before they are read: only the counts need clearing.
static void reset(const struct lte_op *op, const struct lte_session_params *params, void *state_)
{
    struct lte_kv kv;
    if (params->share_loops && op->attend.ahead)
        return;
    lte_kv_carve(&op->attend, params, state_, &kv);
    for (size_t h = 0; op->attend.retains && h < op->attend.key_heads; h++)
        kv.buffer_used[h] = 0;
}

static void blank(const struct lte_op *op, const struct lte_session_params *params, uint64_t position,
                  void *state_)
{
    const struct lte_attend_op *o = &op->attend;
    const size_t entry = o->head_dim * lte_dtype_size(params->kv_dtype);
    struct lte_kv kv;
    if (params->share_loops && o->ahead)
        return;
    lte_kv_carve(o, params, state_, &kv);
    const size_t used = lte_kv_ring_used(&kv, position);
    lte_op_blank(kv.ring_k, o->key_heads, kv.ring, used, entry);
    lte_op_blank(kv.ring_v, o->key_heads, kv.ring, used, entry);
}

static void scratch(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_attend_op *o = &op->attend;
    const size_t group = o->heads / o->key_heads;
    (void)kernels;
    *shared = o->key_heads * lte_kv_plan_bytes(o, params, params->batch);
    *each = lte_align(lte_attend_scratch(group, o->head_dim) * sizeof(float)) +
            lte_kv_plan_bytes(o, params, 1);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    const struct lte_attend_op *o = &op->attend;
    struct lte_kv kv;
    lte_kv_carve(o, params, NULL, &kv);
    const uint64_t evicted = position > kv.ring ? position - kv.ring : 0;
    const size_t kept = evicted < o->buffer ? (size_t)evicted : o->buffer; // at most
    const double keys = (double)(lte_kv_ring_used(&kv, position) + kept + 1);
    const double values = keys * (double)o->head_dim;
    cost->flops += 4.0 * values * (double)(o->heads * rows);
    cost->state_bytes += 2.0 * values * (double)(o->key_heads * lte_dtype_size(kv.type));
}

const struct lte_op_row lte_op_attend = {.name = "attend",
                                         .width = width,
                                         .state = state,
                                         .reset = reset,
                                         .scratch = scratch,
                                         .blank = blank,
                                         .compute = compute,
                                         .cost = cost,
                                         .gradient = &lte_grad_attend};
