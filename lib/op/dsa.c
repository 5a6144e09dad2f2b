// SPDX-License-Identifier: BSD-2-Clause
// dsa: DeepSeek sparse attention over a cache of every token. Keys, values and index keys of a call
// are written first, so that everything a query looks at lies in one place; nothing is ever
// overwritten. Then queries go through in groups: scores of all earlier tokens, the best of them,
// attention over these.
#include "config.h"

#include "lib/op/dsa.h"

#include "lib/grad/grad.h"
#include "lib/session.h"
#include "lib/sparse/dsa.h"

enum {
    GROUP = LTE_ATTEND_QUERIES,
    CHUNK = 1024 // keys that a thread scores at a time, for a run of queries
};

size_t lte_dsa_carve(const struct lte_dsa_op *op, const struct lte_session_params *params,
                     void *state, struct lte_dsa_cache *cache)
{
    const size_t tokens = (size_t)params->max_tokens, size = lte_dtype_size(params->kv_dtype);
    const size_t entries = lte_align(tokens * op->key_heads * op->head_dim * size);
    if (state) {
        cache->type = params->kv_dtype;
        cache->tokens = tokens;
        cache->k = state;
        cache->v = cache->k + entries;
        cache->index = cache->v + entries;
    }
    return 2 * entries + lte_align(tokens * op->index_dim * size);
}

// What the queries of a group share, in scratch, where no position reaches `tokens`.
struct room {
    float *score;           // [GROUP][stride]
    size_t stride;
    uint32_t *chosen;       // [GROUP][top]
    size_t top;
    uint32_t *from, *until; // [top], or of queries that see everything [tokens <= top]
    size_t bytes;
};

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

static struct room lay_out(const struct lte_dsa_op *op, uint64_t tokens, size_t group, void *scratch)
{
    const bool all = tokens <= op->top;
    struct room r = {.stride = all ? 0 : padded((size_t)tokens),
                     .top = padded(all ? (size_t)tokens : op->top)};
    const size_t score = group * r.stride, chosen = all ? 0 : group * r.top;
    if (scratch) {
        r.score = scratch;
        r.chosen = (uint32_t *)scratch + score;
        r.from = r.chosen + chosen;
        r.until = r.from + r.top;
    }
    r.bytes = (score + chosen + 2 * r.top) * sizeof(float);
    return r;
}

struct dsa {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *q, *k, *v, *index;
    float *o;
    bool step;              // of one or more sessions, a row each; else rows of one session
    size_t first, count;    // rows of the group
    uint64_t end;           // after their last position
    bool dense;             // they all see everything before them
    struct room room;
};

static const struct lte_segment *segment_of(const struct dsa *a, size_t row)
{
    return &a->exec->segment[a->step ? row : 0];
}

static uint64_t position_of(const struct dsa *a, size_t row)
{
    const struct lte_segment *g = segment_of(a, row);
    return g->position + (row - g->row);
}

static struct lte_dsa_cache cache_of(const struct dsa *a, const struct lte_segment *g)
{
    struct lte_dsa_cache c;
    lte_dsa_carve(&a->op->dsa, &g->session->params, lte_exec_state(a->exec, a->op, g->session), &c);
    return c;
}

// `width` values of every row of the segment, `stride` apart from `from` on, to entries of `to`.
static void append(const struct dsa *a, const struct lte_segment *g, enum lte_dtype type,
                   const float *from, size_t stride, size_t width, unsigned char *to)
{
    const size_t entry = width * lte_dtype_size(type);
    to += (size_t)g->position * entry;
    for (size_t r = 0; r < g->rows; r++)
        a->exec->kernels->narrow[type](to + r * entry, from + (g->row + r) * stride, width);
}

// A key head of a segment, or after these its index keys.
static void append_item(void *arg, size_t item, unsigned thread)
{
    const struct dsa *a = arg;
    const struct lte_dsa_op *op = &a->op->dsa;
    const struct lte_segment *g = &a->exec->segment[item / (op->key_heads + 1)];
    const size_t head = item % (op->key_heads + 1), dim = op->head_dim;
    const struct lte_dsa_cache c = cache_of(a, g);
    const size_t at = head * c.tokens * dim * lte_dtype_size(c.type);
    (void)thread;
    if (head == op->key_heads) {
        append(a, g, c.type, a->index + lte_dsa_key_column(op), lte_dsa_index_width(op),
               op->index_dim, c.index);
        return;
    }
    append(a, g, c.type, a->k + head * dim, op->key_heads * dim, dim, c.k + at);
    append(a, g, c.type, a->v + head * dim, op->key_heads * dim, dim, c.v + at);
}

// Queries that are scored together share their keys.
static size_t run_length(const struct dsa *a)
{
    return a->step ? 1 : LTE_DSA_RUN;
}

static void score_item(void *arg, size_t item, unsigned thread)
{
    const struct dsa *a = arg;
    const struct lte_dsa_op *op = &a->op->dsa;
    const size_t chunks = (size_t)((a->end + CHUNK - 1) / CHUNK), length = run_length(a);
    const size_t begin = item / chunks * length;
    const uint64_t first = (uint64_t)(item % chunks) * CHUNK;
    struct lte_dsa_query query[LTE_DSA_RUN];
    uint64_t end = 0;
    size_t n = 0;
    for (size_t i = begin; i < a->count && i < begin + length; i++) {
        const size_t row = a->first + i;
        const uint64_t position = position_of(a, row);
        if (position < op->top) // sees everything
            continue;
        query[n++] = (struct lte_dsa_query){.index = a->index + row * lte_dsa_index_width(op),
                                            .position = position,
                                            .score = a->room.score + i * a->room.stride};
        end = position + 1;
    }
    const struct lte_dsa_cache c = cache_of(a, segment_of(a, a->first + begin));
    const struct lte_dsa_index_keys keys = {c.index, op->index_dim, c.type};
    lte_dsa_score(op, a->exec->kernels, &keys, first, end < first + CHUNK ? end : first + CHUNK, query,
                  n, lte_exec_scratch(a->exec, thread));
}

static void select_item(void *arg, size_t i, unsigned thread)
{
    const struct dsa *a = arg;
    const struct lte_selector s = lte_dsa_selector(&a->op->dsa);
    const uint64_t position = position_of(a, a->first + i);
    (void)thread;
    if (position >= s.top)
        lte_select_best(&s, a->exec->kernels, a->room.score + i * a->room.stride, (size_t)position + 1,
                        a->room.chosen + i * a->room.top);
}

static struct lte_dsa_keys keys_of(const struct dsa *a, const struct lte_dsa_cache *c, size_t head)
{
    const size_t at = head * c->tokens * a->op->dsa.head_dim * lte_dtype_size(c->type);
    return (struct lte_dsa_keys){.k = c->k + at,
                                 .v = c->v + at,
                                 .stride = a->op->dsa.head_dim,
                                 .type = c->type,
                                 .from = a->room.from,
                                 .until = a->room.until};
}

static void attend(const struct dsa *a, const struct lte_dsa_keys *keys, size_t head, size_t row,
                   size_t count, unsigned thread)
{
    const struct lte_dsa_op *op = &a->op->dsa;
    const size_t stride = op->heads * op->head_dim;
    const size_t at = row * stride + head * (op->heads / op->key_heads) * op->head_dim;
    const struct lte_dsa_rows rows = {.q = a->q + at, .o = a->o + at, .stride = stride, .count = count};
    lte_dsa_attend(op, a->exec->kernels, keys, &rows, lte_exec_scratch(a->exec, thread));
}

static void dense_item(void *arg, size_t head, unsigned thread)
{
    const struct dsa *a = arg;
    const struct lte_dsa_cache c = cache_of(a, segment_of(a, a->first));
    struct lte_dsa_keys keys = keys_of(a, &c, head);
    keys.keys = (size_t)a->end;
    attend(a, &keys, head, a->first, a->count, thread);
}

static void sparse_item(void *arg, size_t item, unsigned thread)
{
    const struct dsa *a = arg;
    const struct lte_dsa_op *op = &a->op->dsa;
    const size_t i = item / op->key_heads, head = item % op->key_heads, row = a->first + i;
    const struct lte_dsa_cache c = cache_of(a, segment_of(a, row));
    const uint64_t position = position_of(a, row);
    struct lte_dsa_keys keys = keys_of(a, &c, head);
    const bool all = position < op->top;
    keys.at = all ? NULL : a->room.chosen + i * a->room.top;
    keys.keys = all ? (size_t)position + 1 : op->top;
    attend(a, &keys, head, row, 1, thread);
}

// Who of the group sees a key: every query that it is given to, or those from its own on.
static void fill_ranges(const struct dsa *a)
{
    const uint64_t position = position_of(a, a->first), top = a->op->dsa.top;
    const size_t keys = (size_t)(a->end < top ? a->end : top);
    for (size_t s = 0; s < keys; s++) {
        a->room.from[s] = a->dense && s > position ? (uint32_t)(s - position) : 0;
        a->room.until[s] = UINT32_MAX;
    }
}

static void run_group(struct dsa *a)
{
    const struct lte_dsa_op *op = &a->op->dsa;
    a->end = 0;
    for (size_t i = 0; i < a->count; i++) {
        const uint64_t end = position_of(a, a->first + i) + 1;
        a->end = end > a->end ? end : a->end;
    }
    a->dense = !a->step && a->end <= op->top;
    a->room = lay_out(op, a->end, a->count, lte_exec_shared(a->exec));
    fill_ranges(a);
    if (a->dense) {
        lte_exec_for(a->exec, op->key_heads, dense_item, a);
        return;
    }
    if (a->end > op->top) {
        const size_t chunks = (size_t)((a->end + CHUNK - 1) / CHUNK);
        const size_t runs = (a->count + run_length(a) - 1) / run_length(a);
        lte_exec_for(a->exec, runs * chunks, score_item, a);
        lte_exec_for(a->exec, a->count, select_item, a);
    }
    lte_exec_for(a->exec, a->count * op->key_heads, sparse_item, a);
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    struct dsa a = {.exec = x,
                    .op = op,
                    .q = lte_exec_value(x, op->in[0]),
                    .k = lte_exec_value(x, op->in[1]),
                    .v = lte_exec_value(x, op->in[2]),
                    .index = lte_exec_value(x, op->in[3]),
                    .o = lte_exec_value(x, op->out),
                    .step = x->segment[0].rows == 1};
    const size_t rows = a.step ? x->segments : x->segment[0].rows;
    lte_exec_for(x, x->segments * (op->dsa.key_heads + 1), append_item, &a);
    for (a.first = 0; a.first < rows; a.first += GROUP) {
        a.count = rows - a.first < GROUP ? rows - a.first : GROUP;
        run_group(&a);
    }
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_dsa_op *o = &op->dsa;
    const size_t kv = o->key_heads * o->head_dim;
    const bool fits = o->heads % o->key_heads == 0 && in_width[0] == o->heads * o->head_dim &&
                      in_width[1] == kv && in_width[2] == kv &&
                      in_width[3] == lte_dsa_index_width(o);
    return fits ? in_width[0] : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    *grows = true;
    return lte_dsa_carve(&op->dsa, params, NULL, NULL);
}

static void blank(const struct lte_op *op, const struct lte_session_params *params, uint64_t position,
                  void *state_)
{
    const struct lte_dsa_op *o = &op->dsa;
    const size_t reached = (size_t)position, size = lte_dtype_size(params->kv_dtype);
    struct lte_dsa_cache c;
    lte_dsa_carve(o, params, state_, &c);
    lte_op_blank(c.k, o->key_heads, c.tokens, reached, o->head_dim * size);
    lte_op_blank(c.v, o->key_heads, c.tokens, reached, o->head_dim * size);
    lte_op_blank(c.index, 1, c.tokens, reached, o->index_dim * size);
}

static void scratch(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    const struct lte_dsa_op *o = &op->dsa;
    const size_t group = params->batch < GROUP ? params->batch : GROUP;
    const size_t score = lte_dsa_score_scratch(o);
    const size_t attend = lte_attend_scratch(o->heads / o->key_heads, o->head_dim) * sizeof(float);
    (void)kernels;
    *shared = lay_out(o, params->max_tokens, group, NULL).bytes;
    *each = lte_align(score > attend ? score : attend);
}

// Scores of all tokens, once there are more than are selected, and attention over these.
static void cost(const struct lte_op *op, const struct lte_session_params *params, uint64_t position,
                 size_t rows, struct lte_cost *cost)
{
    const struct lte_dsa_op *o = &op->dsa;
    const double tokens = (double)position + 1, all = tokens <= (double)o->top;
    const double scored = all ? 0 : tokens, picked = all ? tokens : (double)o->top;
    const double size = (double)lte_dtype_size(params->kv_dtype), dim = (double)o->head_dim;
    const double heads = o->rule == LTE_INDEX_DOT ? 1 : (double)o->index_heads;
    cost->flops += (double)rows * (2 * heads * (double)o->index_dim * scored +
                                   4 * dim * (double)o->heads * picked);
    cost->state_bytes += size * ((double)o->index_dim * scored + 2 * dim * (double)o->key_heads * picked);
}

const struct lte_op_row lte_op_dsa = {.name = "dsa",
                                      .width = width,
                                      .state = state,
                                      .reset = lte_op_keep_state,
                                      .scratch = scratch,
                                      .blank = blank,
                                      .compute = compute,
                                      .cost = cost,
                                      .gradient = &lte_grad_dsa};
