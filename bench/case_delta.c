// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule: many tokens, some, and one with its state hot, in the last cache, in RAM.
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "bench/cases.h"
#include "simd/delta_chunk.h"

struct delta {
    lte_delta_rule_fn *kernel;
    size_t heads, dim, tokens;
    size_t copies, copy; // of the state, used in turn
    float *state, *q, *k, *v, *o, *log_decay, *beta;
};

static void delta_head(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct delta *d = arg;
    const size_t row = d->heads * d->dim;
    d->kernel(&(struct lte_delta_rule_args){
        .state = d->state + (d->copy * d->heads + head) * d->dim * d->dim,
        .q = d->q + head * d->dim, .k = d->k + head * d->dim, .v = d->v + head * d->dim,
        .o = d->o + head * d->dim, .log_decay = d->log_decay + head, .beta = d->beta + head,
        .qk_stride = row, .v_stride = row, .o_stride = row, .gate_stride = d->heads,
        .tokens = d->tokens, .key_dim = d->dim, .value_dim = d->dim,
    });
}

static void next_copy(void *arg)
{
    struct delta *d = arg;
    d->copy = (d->copy + 1) % d->copies;
}

static void fill(struct delta *d)
{
    const size_t row = d->tokens * d->heads * d->dim, gates = d->tokens * d->heads;
    const float unit = sqrtf(3.0f / (float)d->dim); // vectors of length about 1
    d->state = bench_floats(d->copies * d->heads * d->dim * d->dim, 0.1f);
    d->q = bench_floats(row, unit);
    d->k = bench_floats(row, unit);
    d->v = bench_floats(row, 1);
    d->o = bench_floats(row, 1);
    d->log_decay = bench_floats(gates, 0.1f);
    d->beta = bench_floats(gates, 0.4f);
    for (size_t i = 0; i < gates; i++) {
        d->log_decay[i] -= 0.1f;
        d->beta[i] += 0.5f;
    }
}

static void run_delta(const struct suite *suite, size_t heads, size_t dim, size_t tokens,
                      const char *where, size_t bytes)
{
    char shape[64];
    snprintf(shape, sizeof shape, "H%zu d%zu n%zu%s%s", heads, dim, tokens, *where ? " " : "", where);
    if (!bench_wanted("delta_rule", shape))
        return;
    const size_t state = heads * dim * dim * sizeof(float);
    struct delta d = {.kernel = suite->kernels->delta_rule, .heads = heads, .dim = dim,
                      .tokens = tokens, .copies = bytes > state ? bytes / state : 1};
    fill(&d);
    struct delta chunk = d; // the same data
    chunk.kernel = lte_delta_chunk(suite->kernels->name);
    // One token is bound by reading and writing the state, many by arithmetic.
    struct bench_case c[2] = {{
        .op = "delta_rule", .shape = shape, .items = heads, .fn = delta_head, .next = next_copy,
        .arg = &d, .tokens = (double)tokens,
        .flops = 6.0 * (double)(heads * dim * dim * tokens), .bytes = 2.0 * (double)state,
        .roof = tokens > 1 ? ROOF_FMA : roof_for(suite->team, d.copies * state, true)}};
    c[1] = c[0];
    c[1].op = "delta_rule WY";
    c[1].arg = &chunk;
    suite_run(suite, c, tokens > 1 ? 2 : 1);
    bench_free_all();
}

void cases_delta(const struct suite *suite)
{
    static const size_t shapes[][2] = {{16, 128}, {8, 256}, {32, 128}};
    const size_t l3 = roof_bytes(suite->team, 3) * lte_par_size(suite->team);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const size_t heads = shapes[i][0], dim = shapes[i][1];
        run_delta(suite, heads, dim, 512, "", 0);
        run_delta(suite, heads, dim, 64, "", 0);
        run_delta(suite, heads, dim, 1, "hot", 0);
        run_delta(suite, heads, dim, 1, "in L3", l3);
        run_delta(suite, heads, dim, 1, "in RAM", roof_bytes(suite->team, 4));
    }
}
