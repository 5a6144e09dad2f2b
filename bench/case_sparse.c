// SPDX-License-Identifier: BSD-2-Clause
// Sparse selection: scores of index keys and attention over gathered tokens against arithmetic, the
// best scores against the bandwidth of the level that they lie in.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "bench/cases.h"
#include "lib/sparse/dsa.h"
#include "lib/sparse/top_k.h"

enum { QUERIES = 16 }; // a call is so many independent queries, over one set of keys

struct sparse {
    const struct lte_kernels *kernels;
    enum lte_index_rule rule;
    size_t heads, dim, keys, top, scratch_floats;
    float *q, *k, *v, *o, *weight, *score, *scratch;
    uint32_t *at, *from, *until, *chosen;
};

static void index_query(void *arg, size_t item, unsigned thread)
{
    const struct sparse *s = arg;
    s->kernels->index(&(struct lte_index_args){
        .rule = s->rule, .q = s->q + item * s->heads * s->dim, .k = s->k, .weight = s->weight,
        .q_stride = s->dim, .k_stride = s->dim, .heads = s->heads, .keys = s->keys, .dim = s->dim,
        .scale = 1 / sqrtf((float)s->dim), .score = s->score + item * s->keys,
        .scratch = s->scratch + thread * s->scratch_floats});
}

static void run_index(const struct suite *suite, enum lte_index_rule rule, size_t heads, size_t dim,
                      size_t keys)
{
    static const char *const rules[] = {"softmax", "relu", "dot"};
    char shape[64];
    snprintf(shape, sizeof shape, "%s heads %zu d%zu keys %zu", rules[rule], heads, dim, keys);
    if (!bench_wanted("index", shape))
        return;
    struct sparse s = {.kernels = suite->kernels, .rule = rule, .heads = heads, .dim = dim,
                       .keys = keys, .scratch_floats = lte_index_scratch(keys)};
    s.q = bench_floats(QUERIES * heads * dim, 1);
    s.k = bench_floats(keys * dim, 1);
    s.weight = bench_floats(heads, 1);
    s.score = bench_floats(QUERIES * keys, 1);
    s.scratch = bench_floats(lte_par_size(suite->team) * s.scratch_floats, 1);
    const struct bench_case c = {.op = "index", .shape = shape, .items = QUERIES,
                                 .fn = index_query, .arg = &s, .tokens = QUERIES,
                                 .flops = 2.0 * (double)(QUERIES * heads * dim * keys),
                                 .roof = ROOF_FMA};
    suite_run(suite, &c, 1);
    bench_free_all();
}

static void top_query(void *arg, size_t item, unsigned thread)
{
    const struct sparse *s = arg;
    (void)thread;
    lte_top_k(s->kernels, s->score + item * s->keys, s->keys, s->top, s->chosen + item * s->top);
}

static void run_top(const struct suite *suite, size_t keys, size_t top)
{
    char shape[64];
    snprintf(shape, sizeof shape, "best %zu of %zu", top, keys);
    if (!bench_wanted("top_k", shape))
        return;
    struct sparse s = {.kernels = suite->kernels, .keys = keys, .top = top};
    s.score = bench_floats(QUERIES * keys, 1);
    s.chosen = bench_alloc(QUERIES * top * sizeof *s.chosen);
    const double bytes = (double)(QUERIES * keys * sizeof(float));
    const struct bench_case c = {.op = "top_k", .shape = shape, .items = QUERIES,
                                 .fn = top_query, .arg = &s, .tokens = QUERIES, .bytes = bytes,
                                 .roof = roof_for(suite->team, (size_t)bytes, false)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

static void gather_query(void *arg, size_t item, unsigned thread)
{
    const struct sparse *s = arg;
    const size_t tokens = s->top, row = item * s->heads * s->dim;
    const struct lte_kv_span span = {.k = s->k, .v = s->v, .k_stride = s->dim, .v_stride = s->dim,
                                     .from = s->from, .until = s->until, .keys = tokens,
                                     .at = s->at + item * tokens};
    s->kernels->attend[LTE_DTYPE_F32](&(struct lte_attend_args){
        .q = s->q + row, .o = s->o + row, .q_stride = s->heads * s->dim,
        .o_stride = s->heads * s->dim, .count = 1, .group = s->heads, .head_dim = s->dim,
        .scale = 1 / sqrtf((float)s->dim), .span = &span, .spans = 1,
        .scratch = s->scratch + thread * s->scratch_floats});
}

// Every query has tokens of its own: units of `pool`, spread over the cache.
static void spread(struct sparse *s, size_t pool)
{
    const size_t units = s->top / pool, stride = s->keys / pool / units;
    for (size_t i = 0; i < QUERIES * s->top; i++) {
        const size_t query = i / s->top, n = i % s->top;
        s->at[i] = (uint32_t)((n / pool * stride + query % stride) * pool + n % pool);
    }
    for (size_t i = 0; i < s->top; i++) {
        s->from[i] = 0;
        s->until[i] = 1;
    }
}

static void run_gather(const struct suite *suite, size_t heads, size_t dim, size_t keys, size_t top,
                       size_t pool)
{
    char shape[64];
    snprintf(shape, sizeof shape, "group %zu d%zu, %zu of %zu by %zu", heads, dim, top, keys, pool);
    if (!bench_wanted("gather", shape))
        return;
    struct sparse s = {.kernels = suite->kernels, .heads = heads, .dim = dim, .keys = keys,
                       .top = top, .scratch_floats = (lte_attend_scratch(heads, dim) + 15) / 16 * 16};
    s.q = bench_floats(QUERIES * heads * dim, 1);
    s.o = bench_floats(QUERIES * heads * dim, 1);
    s.k = bench_floats(keys * dim, 1);
    s.v = bench_floats(keys * dim, 1);
    s.scratch = bench_floats(lte_par_size(suite->team) * s.scratch_floats, 1);
    s.at = bench_alloc(QUERIES * top * sizeof *s.at);
    s.from = bench_alloc(top * sizeof *s.from);
    s.until = bench_alloc(top * sizeof *s.until);
    spread(&s, pool);
    const struct bench_case c = {.op = "gather", .shape = shape, .items = QUERIES,
                                 .fn = gather_query, .arg = &s, .tokens = QUERIES,
                                 .flops = 4.0 * (double)(QUERIES * heads * dim * top),
                                 .roof = ROOF_FMA};
    suite_run(suite, &c, 1);
    bench_free_all();
}

// What a token of DeepSeek sparse attention takes beside its projections: scores from keys in bf16,
// the best of them, and attention of every head over these.
struct dsa {
    const struct lte_kernels *kernels;
    struct lte_dsa_op op;
    size_t keys;
    float *q, *index, *o, *score, *scratch;
    void *k, *v, *index_k;
    uint32_t *chosen, *from, *until;
};

static void dsa_token(void *arg, size_t item, unsigned thread)
{
    const struct dsa *s = arg;
    const struct lte_selector selector = lte_dsa_selector(&s->op);
    const struct lte_dsa_index_keys keys = {s->index_k, s->op.index_dim, LTE_DTYPE_BF16};
    const struct lte_dsa_query query = {s->index, s->keys - 1, s->score};
    const size_t head = s->keys * s->op.head_dim * sizeof(uint16_t);
    (void)item;
    (void)thread;
    lte_dsa_score(&s->op, s->kernels, &keys, 0, s->keys, &query, 1, s->scratch);
    lte_select_best(&selector, s->kernels, s->score, s->keys, s->chosen);
    for (size_t h = 0; h < s->op.key_heads; h++) {
        const struct lte_dsa_keys k = {.k = (char *)s->k + h * head, .v = (char *)s->v + h * head,
                                       .stride = s->op.head_dim, .type = LTE_DTYPE_BF16,
                                       .at = s->chosen, .from = s->from, .until = s->until,
                                       .keys = s->op.top};
        const struct lte_dsa_rows rows = {.q = s->q + h * s->op.head_dim,
                                          .o = s->o + h * s->op.head_dim, .count = 1};
        lte_dsa_attend(&s->op, s->kernels, &k, &rows, s->scratch);
    }
}

static void *halves(const struct lte_kernels *kernels, size_t n)
{
    float *wide = bench_floats(n, 1);
    void *half = bench_alloc(n * sizeof(uint16_t));
    kernels->narrow[LTE_DTYPE_BF16](half, wide, n);
    bench_free(wide);
    return half;
}

static void run_dsa(const struct suite *suite, size_t keys, size_t top)
{
    char shape[64];
    snprintf(shape, sizeof shape, "8 x d64, %zu of %zu, bf16", top, keys);
    if (!bench_wanted("dsa", shape) || lte_par_size(suite->team) != 1)
        return;
    struct dsa s = {.kernels = suite->kernels, .keys = keys,
                    .op = {.heads = 8, .key_heads = 8, .head_dim = 64, .index_heads = 8,
                           .index_dim = 64, .top = top, .last = 64, .rule = LTE_INDEX_RELU}};
    const size_t width = s.op.heads * s.op.head_dim;
    const size_t score = lte_dsa_score_scratch(&s.op), attend = lte_attend_scratch(1, 64) * sizeof(float);
    s.q = bench_floats(width, 1);
    s.o = bench_floats(width, 1);
    s.index = bench_floats(lte_dsa_index_width(&s.op), 1);
    s.score = bench_floats(keys, 1);
    s.scratch = bench_alloc(score > attend ? score : attend);
    s.k = halves(suite->kernels, keys * width);
    s.v = halves(suite->kernels, keys * width);
    s.index_k = halves(suite->kernels, keys * s.op.index_dim);
    s.chosen = bench_alloc(top * sizeof *s.chosen);
    s.from = bench_alloc(top * sizeof *s.from);
    s.until = bench_alloc(top * sizeof *s.until);
    for (size_t i = 0; i < top; i++) {
        s.from[i] = 0;
        s.until[i] = 1;
    }
    const double flops = 2.0 * (double)(s.op.index_heads * s.op.index_dim * keys + 2 * width * top);
    const struct bench_case c = {.op = "dsa", .shape = shape, .items = 1, .fn = dsa_token, .arg = &s,
                                 .tokens = 1, .flops = flops, .roof = ROOF_FMA};
    suite_run(suite, &c, 1);
    bench_free_all();
}

// Native sparse attention at 32768 tokens (512 blocks of 64), and token selection.
void cases_sparse(const struct suite *suite)
{
    run_index(suite, LTE_INDEX_SOFTMAX, 16, 64, 512);
    run_index(suite, LTE_INDEX_RELU, 8, 64, 32768);
    run_top(suite, 512, 16);
    run_top(suite, 32768, 2048);
    run_gather(suite, 16, 64, 32768, 1024, 64);
    run_gather(suite, 16, 64, 32768, 2048, 1);
    run_dsa(suite, 8192, 2048);
    run_dsa(suite, 32768, 2048);
}
