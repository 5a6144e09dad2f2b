// SPDX-License-Identifier: BSD-2-Clause
// Gradient of attention: the blocks of a causal sequence, or of a window over it, against
// arithmetic.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "bench/cases.h"

enum { BLOCK = LTE_ATTEND_GRAD_KEYS, ROWS = 2048, WINDOW = 769 };

struct attend_grad {
    const struct lte_kernels *kernels;
    size_t heads, group, dim, window; // key heads
    size_t scratch_floats;
    float *q, *k, *v, *o, *lse, *d_o, *dq, *dk, *dv, *scratch;
    uint32_t *from, *until;
};

static struct lte_attend_grad_args args_of(const struct attend_grad *a, size_t head)
{
    const size_t q = head * a->group * a->dim, k = head * a->dim;
    return (struct lte_attend_grad_args){
        .q = a->q + q, .o = a->o + q, .d_o = a->d_o + q, .dq = a->dq + q,
        .lse = a->lse + head * a->group, .k = a->k + k, .v = a->v + k, .dk = a->dk + k,
        .dv = a->dv + k, .q_stride = a->heads * a->group * a->dim,
        .lse_stride = a->heads * a->group, .k_stride = a->heads * a->dim, .keys = BLOCK,
        .count = BLOCK, .group = a->group, .head_dim = a->dim, .scale = 1 / sqrtf((float)a->dim)};
}

static void grad_head(void *arg, size_t head, unsigned thread)
{
    const struct attend_grad *a = arg;
    for (size_t key = 0; key < ROWS; key += BLOCK)
        for (size_t query = key; query < ROWS && query < key + BLOCK + a->window; query += BLOCK) {
            struct lte_attend_grad_args args = args_of(a, head);
            args.k += key * args.k_stride;
            args.v += key * args.k_stride;
            args.dk += key * args.k_stride;
            args.dv += key * args.k_stride;
            args.from = a->from + key;
            args.until = a->until + key;
            args.first = query;
            args.scratch = a->scratch + thread * a->scratch_floats;
            a->kernels->attend_grad(&args);
        }
}

// Outputs and log-sum-exp of the sequence.
static void forward(const struct attend_grad *a)
{
    for (size_t head = 0; head < a->heads; head++) {
        const struct lte_attend_grad_args g = args_of(a, head);
        const struct lte_kv_span span = {.k = g.k, .v = g.v, .k_stride = g.k_stride,
                                         .v_stride = g.k_stride, .from = a->from,
                                         .until = a->until, .keys = ROWS};
        float *scratch = bench_floats(lte_attend_scratch(a->group, a->dim), 1);
        for (size_t i = 0; i < ROWS; i += LTE_ATTEND_QUERIES)
            a->kernels->attend[LTE_DTYPE_F32](&(struct lte_attend_args){
                .q = g.q, .o = a->o + head * a->group * a->dim, .q_stride = g.q_stride,
                .o_stride = g.q_stride, .first = i, .count = LTE_ATTEND_QUERIES,
                .group = a->group, .head_dim = a->dim, .scale = g.scale, .span = &span, .spans = 1,
                .lse = a->lse + head * a->group, .lse_stride = g.lse_stride, .scratch = scratch});
        bench_free(scratch);
    }
}

static void fill(struct attend_grad *a, unsigned threads)
{
    const size_t q = ROWS * a->heads * a->group * a->dim, k = ROWS * a->heads * a->dim;
    a->scratch_floats = lte_attend_grad_scratch(a->dim);
    a->q = bench_floats(q, 1);
    a->o = bench_floats(q, 1);
    a->d_o = bench_floats(q, 1);
    a->dq = bench_floats(q, 1);
    a->k = bench_floats(k, 1);
    a->v = bench_floats(k, 1);
    a->dk = bench_floats(k, 1);
    a->dv = bench_floats(k, 1);
    a->lse = bench_floats(ROWS * a->heads * a->group, 1);
    a->scratch = bench_floats(threads * a->scratch_floats, 1);
    a->from = bench_alloc(ROWS * sizeof *a->from);
    a->until = bench_alloc(ROWS * sizeof *a->until);
    for (uint32_t s = 0; s < ROWS; s++) {
        a->from[s] = s;
        a->until[s] = s + (uint32_t)a->window;
    }
    forward(a);
}

// Only pairs that are seen count: five products of 2 * dim each.
static void run_attend_grad(const struct suite *suite, size_t dim, size_t group, size_t window)
{
    char shape[64];
    snprintf(shape, sizeof shape, "f32 d%zu group %zu n%d window %zu", dim, group, (int)ROWS,
             window);
    if (!bench_wanted("attend_grad", shape))
        return;
    struct attend_grad a = {.kernels = suite->kernels, .heads = 4, .group = group, .dim = dim,
                            .window = window};
    fill(&a, lte_par_size(suite->team));
    double pairs = 0;
    for (size_t i = 0; i < ROWS; i++)
        pairs += (double)(i < window ? i + 1 : window);
    const struct bench_case c = {
        .op = "attend_grad", .shape = shape, .items = a.heads, .fn = grad_head, .arg = &a,
        .tokens = ROWS, .flops = 10.0 * (double)(a.heads * group * dim) * pairs,
        .roof = ROOF_FMA};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_attend_grad(const struct suite *suite)
{
    run_attend_grad(suite, 64, 1, ROWS);
    run_attend_grad(suite, 64, 4, ROWS);
    run_attend_grad(suite, 128, 1, ROWS);
    run_attend_grad(suite, 256, 1, ROWS);
    run_attend_grad(suite, 64, 1, WINDOW);
}
