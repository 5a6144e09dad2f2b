// SPDX-License-Identifier: BSD-2-Clause
// Attention: one query group over a cache of keys against the bandwidth of the level it lies in or,
// with several heads, arithmetic; and a causal prompt against arithmetic.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "bench/cases.h"

// A weight's exponential: ten multiply-adds and products.
enum { EXP_FLOPS = 20 };

struct attend {
    const struct lte_kernels *kernels;
    enum lte_dtype dtype;                    // of keys and values
    size_t heads, group, dim, queries, keys; // key heads
    size_t blocks;                           // of LTE_ATTEND_QUERIES queries
    size_t scratch_floats;
    void *k, *v;
    float *q, *o, *scratch;
    uint32_t *from, *until;
};

static void attend_block(void *arg, size_t item, unsigned thread)
{
    const struct attend *a = arg;
    const size_t head = item / a->blocks, first = item % a->blocks * LTE_ATTEND_QUERIES;
    const size_t left = a->queries - first, row = a->heads * a->group * a->dim;
    const size_t bytes = a->keys * a->dim * lte_dtype_size(a->dtype);
    const struct lte_kv_span span = {
        .k = (const char *)a->k + head * bytes, .v = (const char *)a->v + head * bytes,
        .k_stride = a->dim, .v_stride = a->dim, .from = a->from, .until = a->until,
        .keys = a->keys};
    a->kernels->attend[a->dtype](&(struct lte_attend_args){
        .q = a->q + head * a->group * a->dim, .o = a->o + head * a->group * a->dim,
        .q_stride = row, .o_stride = row, .first = first,
        .count = left < LTE_ATTEND_QUERIES ? left : LTE_ATTEND_QUERIES,
        .group = a->group, .head_dim = a->dim, .scale = 1 / sqrtf((float)a->dim), .span = &span,
        .spans = 1, .scratch = a->scratch + thread * a->scratch_floats});
}

static void *keys(const struct attend *a)
{
    const size_t n = a->heads * a->keys * a->dim;
    float *wide = bench_floats(n, 1);
    if (a->dtype == LTE_DTYPE_F32)
        return wide;
    void *narrow = bench_alloc(n * lte_dtype_size(a->dtype));
    a->kernels->narrow[a->dtype](narrow, wide, n);
    bench_free(wide);
    return narrow;
}

static void fill(struct attend *a, unsigned threads, bool causal)
{
    const size_t row = a->heads * a->group * a->dim;
    a->blocks = (a->queries + LTE_ATTEND_QUERIES - 1) / LTE_ATTEND_QUERIES;
    a->scratch_floats = (lte_attend_scratch(a->group, a->dim) + 15) / 16 * 16;
    a->k = keys(a);
    a->v = keys(a);
    a->q = bench_floats(a->queries * row, 1);
    a->o = bench_floats(a->queries * row, 1);
    a->scratch = bench_floats(threads * a->scratch_floats, 1);
    a->from = bench_alloc(a->keys * sizeof *a->from);
    a->until = bench_alloc(a->keys * sizeof *a->until);
    for (size_t s = 0; s < a->keys; s++) {
        a->from[s] = causal ? (uint32_t)s : 0;
        a->until[s] = UINT32_MAX;
    }
}

static void run_attend(const struct suite *suite, enum lte_dtype dtype, size_t dim, size_t group,
                       size_t queries, size_t keys)
{
    const size_t heads = 4;
    if (!keys) // as many as lie in RAM
        keys = roof_bytes(suite->team, 4) / (2 * heads * dim * lte_dtype_size(dtype));
    char shape[64];
    snprintf(shape, sizeof shape, "%s d%zu group %zu n%zu keys %zu",
             lte_dtype_name(dtype), dim, group, queries, keys);
    if (!bench_wanted("attend", shape))
        return;
    struct attend a = {.kernels = suite->kernels, .dtype = dtype, .heads = heads,
                       .group = group, .dim = dim, .queries = queries, .keys = keys};
    fill(&a, lte_par_size(suite->team), queries > 1);
    const double pairs = queries > 1 ? (double)queries * ((double)queries + 1) / 2 : (double)keys;
    const double bytes = 2.0 * (double)(heads * keys * dim * lte_dtype_size(dtype));
    const struct bench_case c = {
        .op = "attend", .shape = shape, .items = heads * a.blocks, .fn = attend_block, .arg = &a,
        .tokens = (double)queries, .flops = (double)(heads * group * (4 * dim + EXP_FLOPS)) * pairs,
        .bytes = queries > 1 ? 0 : bytes,
        .roof = queries > 1 ? ROOF_FMA : roof_for(suite->team, (size_t)bytes, false)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_attend(const struct suite *suite)
{
    static const size_t shapes[][2] = {{64, 1}, {64, 4}, {256, 4}};
    // One query over keys in L3 and in RAM; a prompt.
    static const size_t sizes[][2] = {{1, 2048}, {1, 0}, {512, 512}};
    for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++)
        for (int dtype = LTE_DTYPE_F32; dtype <= LTE_DTYPE_BF16; dtype++)
            for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
                run_attend(suite, (enum lte_dtype)dtype, shapes[i][0], shapes[i][1], sizes[n][0],
                           sizes[n][1]);
}
