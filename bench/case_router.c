// SPDX-License-Identifier: BSD-2-Clause
// Learnable token eviction: the scorer's convolutions and the retained buffer.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bench/cases.h"

enum { HEADS = 16, TAPS = 3, DILATION = 2, CAPACITY = 512, ARRIVALS = 256 };

struct router {
    const struct lte_kernels *kernels;
    size_t tokens, in, out;
    float *x, *y, *w, *b;
};

static void convolve_head(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct router *r = arg;
    const size_t rows = r->tokens + (TAPS - 1) * DILATION;
    r->kernels->router_conv(r->y + head * r->tokens * r->out, r->out, r->x + head * rows * r->in,
                            r->in, r->tokens, r->w + head * TAPS * r->in * r->out,
                            r->b + head * r->out, r->in, r->out, TAPS, DILATION, 1);
}

// One token reads the weights, 1.5 MiB in all; many are arithmetic.
static void run_conv(const struct suite *suite, size_t tokens)
{
    enum { IN = 128, OUT = 64 };
    char shape[64];
    snprintf(shape, sizeof shape, "H%d %d to %d n%zu", HEADS, IN, OUT, tokens);
    if (!bench_wanted("router_conv", shape))
        return;
    const size_t rows = tokens + (TAPS - 1) * DILATION, weights = HEADS * TAPS * IN * OUT;
    struct router r = {.kernels = suite->kernels, .tokens = tokens, .in = IN, .out = OUT,
                       .x = bench_floats(HEADS * rows * IN, 1),
                       .y = bench_floats(HEADS * tokens * OUT, 1),
                       .w = bench_floats(weights, 0.1f), .b = bench_floats(HEADS * OUT, 0.1f)};
    const size_t bytes = weights * sizeof(float);
    const struct bench_case c = {
        .op = "router_conv", .shape = shape, .items = HEADS, .fn = convolve_head, .arg = &r,
        .tokens = (double)tokens, .flops = 2.0 * (double)(weights * tokens),
        .bytes = tokens > 1 ? 0 : (double)bytes,
        .roof = tokens > 1 ? ROOF_FMA : roof_for(suite->team, bytes, false)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

struct gradient {
    const struct lte_kernels *kernels;
    size_t tokens, in, out;
    float *x, *dx, *dz, *w, *dw, *db, *none;
};

static void gradient_of_head(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct gradient *g = arg;
    const size_t span = (TAPS - 1) * DILATION, weights = TAPS * g->in * g->out;
    const float *dz = g->dz + head * (g->tokens + span) * g->out;
    float *dx = g->dx + head * g->tokens * g->in, *dw = g->dw + head * weights;
    g->kernels->router_conv(dx, g->in, dz, g->out, g->tokens, g->w + head * weights, g->none,
                            g->out, g->in, TAPS, DILATION, 0);
    g->kernels->router_weight_grad(dw, g->db + head * g->out, g->x + head * g->tokens * g->in,
                                   g->in, dz, g->out, g->tokens, g->in, g->out, TAPS, DILATION,
                                   span / 2);
}

// Gradient of input and weights, tokens as the op takes them at a time: arithmetic.
static void run_gradient(const struct suite *suite, size_t in, size_t out)
{
    enum { TOKENS = 64 };
    char shape[64];
    snprintf(shape, sizeof shape, "H%d %zu to %zu n%d", HEADS, in, out, TOKENS);
    if (!bench_wanted("router_grad", shape))
        return;
    const size_t weights = HEADS * TAPS * in * out, span = (TAPS - 1) * DILATION;
    struct gradient g = {.kernels = suite->kernels, .tokens = TOKENS, .in = in, .out = out,
                         .x = bench_floats(HEADS * TOKENS * in, 1),
                         .dx = bench_floats(HEADS * TOKENS * in, 1),
                         .dz = bench_floats(HEADS * (TOKENS + span) * out, 1e-3f),
                         .w = bench_floats(weights, 0.1f), .dw = bench_floats(weights, 0.1f),
                         .db = bench_floats(HEADS * out, 0.1f), .none = bench_floats(in, 0.1f)};
    const struct bench_case c = {.op = "router_grad", .shape = shape, .items = HEADS,
                                 .fn = gradient_of_head, .arg = &g, .tokens = TOKENS,
                                 .flops = 4.0 * (double)(weights * TOKENS), .roof = ROOF_FMA};
    suite_run(suite, &c, 1);
    bench_free_all();
}

struct evict {
    lte_evict_fn *kernel;
    float *full, *score, *in;
    uint32_t *slot;
};

static void evict_head(void *arg, size_t head, unsigned thread)
{
    (void)thread;
    const struct evict *e = arg;
    float *score = e->score + head * CAPACITY;
    memcpy(score, e->full, CAPACITY * sizeof *score); // the same work in every call
    e->kernel(score, CAPACITY, CAPACITY, e->in, ARRIVALS, e->slot + head * ARRIVALS);
}

static void run_evict(const struct suite *suite)
{
    char shape[64];
    snprintf(shape, sizeof shape, "H%d capacity %d n%d", HEADS, CAPACITY, ARRIVALS);
    if (!bench_wanted("evict", shape))
        return;
    struct evict e = {.kernel = suite->kernels->evict, .full = bench_floats(CAPACITY, 0.5f),
                      .score = bench_floats(HEADS * CAPACITY, 1), .in = bench_floats(ARRIVALS, 0.5f),
                      .slot = bench_alloc(HEADS * ARRIVALS * sizeof(uint32_t))};
    for (size_t i = 0; i < CAPACITY; i++)
        e.full[i] += 0.5f;
    for (size_t i = 0; i < ARRIVALS; i++)
        e.in[i] += 0.5f;
    const struct bench_case c = {.op = "evict", .shape = shape, .items = HEADS, .fn = evict_head,
                                 .arg = &e, .tokens = ARRIVALS,
                                 .bytes = (double)HEADS * ARRIVALS * CAPACITY * sizeof(float),
                                 .roof = ROOF_READ_L1};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_router(const struct suite *suite)
{
    run_conv(suite, 1);
    run_conv(suite, 256);
    for (size_t in = 128; in > 16; in /= 2)
        run_gradient(suite, in, in / 2);
    run_evict(suite);
}
