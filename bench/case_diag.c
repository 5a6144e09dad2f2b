// SPDX-License-Identifier: BSD-2-Clause
// The linear step with a diagonal decay: for every channel (Kimi Delta Attention, HGRN2) or one a
// head (RetNet, Mamba2), with and without erasing, and its gradient.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/cases.h"

enum { HEADS = 16, DIM = 128, CHUNK = LTE_DIAG_GRAD_TOKENS };

struct diag {
    const struct lte_kernels *kernels;
    size_t tokens, decays;          // decays: of a head
    bool erase;
    size_t copies, copy;            // of the state, used in turn
    float *state, *q, *k, *v, *o, *decay, *beta;
    float *dq, *dk, *dv, *ddecay, *dbeta;
    float *dstate, *scratch;        // of each thread
};

static void rule_head(void *arg, size_t head, unsigned thread)
{
    const struct diag *d = arg;
    const size_t row = HEADS * DIM, x = head * DIM;
    (void)thread;
    d->kernels->diag_rule(&(struct lte_diag_rule_args){
        .state = d->state + (d->copy * HEADS + head) * DIM * DIM,
        .q = d->q + x, .k = d->k + x, .v = d->v + x, .o = d->o + x,
        .log_decay = d->decay + head * d->decays, .beta = d->erase ? d->beta + head : NULL,
        .q_stride = row, .k_stride = row, .v_stride = row, .o_stride = row,
        .decay_stride = HEADS * d->decays, .beta_stride = HEADS, .decay_step = d->decays > 1,
        .tokens = d->tokens, .key_dim = DIM, .value_dim = DIM});
}

// Chunk after chunk from the last, every one from the same entry state.
static void grad_head(void *arg, size_t head, unsigned thread)
{
    const struct diag *d = arg;
    const size_t row = HEADS * DIM;
    float *dstate = d->dstate + thread * DIM * DIM;
    memset(dstate, 0, DIM * DIM * sizeof *dstate);
    for (size_t at = d->tokens; at; at -= CHUNK) {
        const size_t t = at - CHUNK, x = t * row + head * DIM;
        const size_t g = (t * HEADS + head) * d->decays, b = t * HEADS + head;
        d->kernels->diag_grad(&(struct lte_diag_grad_args){
            .state = d->state + head * DIM * DIM, .dstate = dstate,
            .q = d->q + x, .k = d->k + x, .v = d->v + x, .dout = d->o + x,
            .log_decay = d->decay + g, .beta = d->erase ? d->beta + b : NULL,
            .dq = d->dq + x, .dk = d->dk + x, .dv = d->dv + x, .dlog_decay = d->ddecay + g,
            .dbeta = d->erase ? d->dbeta + b : NULL,
            .q_stride = row, .k_stride = row, .v_stride = row, .dout_stride = row,
            .decay_stride = HEADS * d->decays, .beta_stride = HEADS, .decay_step = d->decays > 1,
            .tokens = CHUNK, .key_dim = DIM, .value_dim = DIM,
            .scratch = d->scratch + thread * lte_diag_grad_floats(CHUNK, DIM)});
    }
}

static void next_copy(void *arg)
{
    struct diag *d = arg;
    d->copy = (d->copy + 1) % d->copies;
}

static void fill(struct diag *d, size_t threads)
{
    const size_t row = d->tokens * HEADS * DIM, gates = d->tokens * HEADS * d->decays;
    const float unit = sqrtf(3.0f / DIM); // vectors of length about 1
    float **const rows[] = {&d->q, &d->k, &d->v, &d->o, &d->dq, &d->dk, &d->dv};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        *rows[i] = bench_floats(row, i < 2 ? unit : 1);
    d->state = bench_floats(d->copies * HEADS * DIM * DIM, 0.1f);
    d->decay = bench_floats(gates, 0.1f);
    d->ddecay = bench_floats(gates, 0);
    d->beta = bench_floats(d->tokens * HEADS, 0.4f);
    d->dbeta = bench_floats(d->tokens * HEADS, 0);
    d->dstate = bench_floats(threads * DIM * DIM, 0);
    d->scratch = bench_floats(threads * lte_diag_grad_floats(CHUNK, DIM), 0);
    for (size_t i = 0; i < gates; i++)
        d->decay[i] -= 0.1f;
    for (size_t i = 0; i < d->tokens * HEADS; i++)
        d->beta[i] += 0.5f;
}

// Operations an element of the state and token: it decays, takes in and gives out, and with erasing
// says what it knew; backwards as simd/body/diag_grad.h counts multiply-adds, 3 and 8, two less of
// each kind of erasing.
static void run_diag(const struct suite *suite, size_t decays, bool erase, size_t tokens,
                     const char *where, size_t bytes)
{
    char shape[80];
    snprintf(shape, sizeof shape, "H%d d%d n%zu%s%s%s%s", HEADS, DIM, tokens,
             decays > 1 ? "" : " scalar", erase ? " erase" : "", *where ? " " : "", where);
    if (!bench_wanted("diag_rule", shape))
        return;
    const size_t state = (size_t)HEADS * DIM * DIM * sizeof(float);
    struct diag d = {.kernels = suite->kernels, .tokens = tokens, .decays = decays, .erase = erase,
                     .copies = bytes > state ? bytes / state : 1};
    const double elements = (double)HEADS * DIM * DIM * (double)tokens;
    fill(&d, lte_par_size(suite->team));
    struct bench_case c[2] = {{
        .op = "diag_rule", .shape = shape, .items = HEADS, .fn = rule_head, .next = next_copy,
        .arg = &d, .tokens = (double)tokens, .flops = (erase ? 7 : 5) * elements,
        .bytes = 2.0 * (double)state,
        .roof = tokens > 1 ? ROOF_FMA : roof_for(suite->team, d.copies * state, true)}};
    c[1] = c[0];
    c[1].op = "diag_rule bwd";
    c[1].fn = grad_head;
    c[1].next = NULL;
    c[1].flops = (erase ? 22 : 16) * elements;
    suite_run(suite, c, tokens % CHUNK ? 1 : 2);
    bench_free_all();
}

void cases_diag(const struct suite *suite)
{
    const size_t l3 = roof_bytes(suite->team, 3) * lte_par_size(suite->team);
    for (int scalar = 0; scalar < 2; scalar++)
        for (int erase = 0; erase < 2; erase++) {
            const size_t decays = scalar ? 1 : DIM;
            run_diag(suite, decays, erase, 512, "", 0);
            run_diag(suite, decays, erase, 1, "hot", 0);
            run_diag(suite, decays, erase, 1, "in L3", l3);
            run_diag(suite, decays, erase, 1, "in RAM", roof_bytes(suite->team, 4));
        }
}
