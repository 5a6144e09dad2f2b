// SPDX-License-Identifier: BSD-2-Clause
// The gated delta rule in training: forwards keeping the states at chunk entries, and backwards.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/cases.h"

struct training {
    const struct lte_kernels *kernels;
    size_t heads, dim, tokens, chunk;
    float *saved, *q, *k, *v, *o, *log_decay, *beta;       // states [heads][chunks + 1]
    float *dq, *dk, *dv, *dout, *dlog_decay, *dbeta;
    float *dstate, *scratch;                               // of each thread
};

static size_t chunks(const struct training *t)
{
    return (t->tokens + t->chunk - 1) / t->chunk;
}

static float *saved_state(const struct training *t, size_t head, size_t chunk)
{
    return t->saved + (head * (chunks(t) + 1) + chunk) * t->dim * t->dim;
}

static void forward_head(void *arg, size_t head, unsigned thread)
{
    const struct training *t = arg;
    const size_t row = t->heads * t->dim, state = t->dim * t->dim * sizeof(float);
    (void)thread;
    memset(saved_state(t, head, 0), 0, state);
    for (size_t at = 0; at < t->tokens; at += t->chunk) {
        const size_t x = at * row + head * t->dim, g = at * t->heads + head, c = at / t->chunk;
        memcpy(saved_state(t, head, c + 1), saved_state(t, head, c), state);
        t->kernels->delta_rule(&(struct lte_delta_rule_args){
            .state = saved_state(t, head, c + 1), .q = t->q + x, .k = t->k + x, .v = t->v + x,
            .o = t->o + x, .log_decay = t->log_decay + g, .beta = t->beta + g, .qk_stride = row,
            .v_stride = row, .o_stride = row, .gate_stride = t->heads,
            .tokens = t->tokens - at < t->chunk ? t->tokens - at : t->chunk,
            .key_dim = t->dim, .value_dim = t->dim});
    }
}

static void backward_head(void *arg, size_t head, unsigned thread)
{
    const struct training *t = arg;
    const size_t row = t->heads * t->dim, state = t->dim * t->dim;
    float *dstate = t->dstate + thread * state;
    memset(dstate, 0, state * sizeof *dstate);
    for (size_t c = chunks(t); c-- > 0;) {
        const size_t at = c * t->chunk, x = at * row + head * t->dim, g = at * t->heads + head;
        t->kernels->delta_grad(&(struct lte_delta_grad_args){
            .state = saved_state(t, head, c), .dstate = dstate, .q = t->q + x, .k = t->k + x,
            .v = t->v + x, .dout = t->dout + x, .log_decay = t->log_decay + g, .beta = t->beta + g,
            .dq = t->dq + x, .dk = t->dk + x, .dv = t->dv + x, .dlog_decay = t->dlog_decay + g,
            .dbeta = t->dbeta + g, .qk_stride = row, .v_stride = row, .dout_stride = row,
            .gate_stride = t->heads,
            .tokens = t->tokens - at < t->chunk ? t->tokens - at : t->chunk,
            .key_dim = t->dim, .value_dim = t->dim,
            .scratch = t->scratch + thread * lte_delta_grad_floats(t->chunk, t->dim, t->dim)});
    }
}

static void fill(struct training *t, size_t threads)
{
    const size_t row = t->tokens * t->heads * t->dim, gates = t->tokens * t->heads;
    const size_t states = t->heads * (chunks(t) + 1) * t->dim * t->dim;
    const float unit = sqrtf(3.0f / (float)t->dim); // vectors of length about 1
    float **const rows[] = {&t->q, &t->k, &t->v, &t->o, &t->dout, &t->dq, &t->dk, &t->dv};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = bench_floats(row, i < 2 ? unit : 1);
    t->saved = bench_floats(states, 0.1f);
    t->log_decay = bench_floats(gates, 0.1f);
    t->beta = bench_floats(gates, 0.4f);
    t->dlog_decay = bench_floats(gates, 0);
    t->dbeta = bench_floats(gates, 0);
    t->dstate = bench_floats(threads * t->dim * t->dim, 0);
    t->scratch = bench_floats(threads * lte_delta_grad_floats(t->chunk, t->dim, t->dim), 0);
    for (size_t i = 0; i < gates; i++) {
        t->log_decay[i] -= 0.1f;
        t->beta[i] += 0.5f;
    }
}

// Multiply-adds of a chunk backwards, as simd/body/delta_grad.h counts them: 7 products with a
// state, and triangles of the chunk by the chunk, 5 over the values and 6 over the keys.
static double backward_flops(const struct training *t)
{
    const double d = (double)t->dim, n = (double)t->chunk;
    return 2.0 * (double)(t->heads * t->tokens) * (7 * d * d + 5.5 * n * d);
}

static void run_training(const struct suite *suite, size_t heads, size_t dim, size_t tokens,
                         size_t chunk)
{
    char shape[64];
    snprintf(shape, sizeof shape, "H%zu d%zu n%zu C%zu", heads, dim, tokens, chunk);
    if (!bench_wanted("delta_rule training", shape))
        return;
    struct training t = {.kernels = suite->kernels, .heads = heads, .dim = dim, .tokens = tokens,
                         .chunk = chunk};
    fill(&t, lte_par_size(suite->team));
    struct bench_case c[2] = {{
        .op = "delta_rule fwd", .shape = shape, .items = heads, .fn = forward_head, .arg = &t,
        .tokens = (double)tokens, .flops = 6.0 * (double)(heads * dim * dim * tokens),
        .roof = ROOF_FMA}};
    c[1] = c[0];
    c[1].op = "delta_rule bwd";
    c[1].fn = backward_head;
    c[1].flops = backward_flops(&t);
    suite_run(suite, c, 2);
    bench_free_all();
}

void cases_delta_grad(const struct suite *suite)
{
    static const size_t shapes[][3] = {{16, 128, 512}, {16, 128, 2048}, {8, 256, 512},
                                       {2, 64, 512},   {2, 32, 512}};
    static const size_t chunk[] = {32, 64};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t j = 0; j < sizeof chunk / sizeof chunk[0]; j++)
            run_training(suite, shapes[i][0], shapes[i][1], shapes[i][2], chunk[j]);
}
