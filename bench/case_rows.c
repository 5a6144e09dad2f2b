// SPDX-License-Identifier: BSD-2-Clause
// What passes over activations once: convolution, norms, activations, rope, conversions.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bench/cases.h"

enum { TOKENS = 512, WIDTH = 1024, CHANNELS = 6144, TAPS = 4, CHANNEL_BLOCK = 512, TOKEN_BLOCK = 16,
       HEADS = 16, HALF = 32, SILU = 5 }; // multiply-adds of a silu, its quotient one

struct rows {
    const struct lte_kernels *kernels;
    size_t width, tokens;
    float *x, *gate, *y, *w, *tail, *cosine, *sine;
};

static void conv_channels(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct rows *r = arg;
    const size_t c = item * CHANNEL_BLOCK;
    r->kernels->short_conv(r->y + c, CHANNELS, r->x + c, CHANNELS, r->tail + c, r->w + c, NULL,
                           CHANNELS, r->tokens, CHANNEL_BLOCK, TAPS);
}

static void copy_rows(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct rows *r = arg;
    const size_t items = CHANNELS / CHANNEL_BLOCK;
    for (size_t t = r->tokens * item / items; t < r->tokens * (item + 1) / items; t++)
        memcpy(r->y + t * CHANNELS, r->x + t * CHANNELS, CHANNELS * sizeof(float));
}

// One item is a block of tokens.
#define FOR_TOKENS(name, call)                                                \
    static void name(void *arg, size_t item, unsigned thread)                 \
    {                                                                         \
        const struct rows *r = arg;                                           \
        const size_t n = r->width;                                            \
        (void)thread;                                                         \
        for (size_t t = item * TOKEN_BLOCK; t < (item + 1) * TOKEN_BLOCK; t++) { \
            float *y = r->y + t * n;                                          \
            const float *x = r->x + t * n, *gate = r->gate + t * n;           \
            (void)gate;                                                       \
            call;                                                             \
        }                                                                     \
    }
FOR_TOKENS(silu_tokens, r->kernels->silu(y, x, n))
FOR_TOKENS(sigmoid_tokens, r->kernels->sigmoid(y, x, n))
FOR_TOKENS(softplus_tokens, r->kernels->softplus(y, x, n))
FOR_TOKENS(exp_tokens, r->kernels->vexp(y, x, n))
FOR_TOKENS(add_tokens, r->kernels->add(y, x, gate, n))
FOR_TOKENS(swiglu_tokens, r->kernels->swiglu(y, x, gate, n))
FOR_TOKENS(rope_tokens, r->kernels->rope(y, x, HEADS, 2 * HALF, r->cosine, r->sine, HALF))
FOR_TOKENS(narrow_tokens, r->kernels->narrow[LTE_DTYPE_BF16](y, x, n))
FOR_TOKENS(widen_tokens, r->kernels->widen[LTE_DTYPE_BF16](y, x, n))

// The same, in one call.
#define FOR_BLOCKS(name, call)                                                     \
    static void name(void *arg, size_t item, unsigned thread)                      \
    {                                                                              \
        const struct rows *r = arg;                                                \
        const size_t n = r->width, at = item * TOKEN_BLOCK * n;                    \
        (void)thread;                                                              \
        call;                                                                      \
    }
FOR_BLOCKS(rmsnorm_tokens,
           r->kernels->rmsnorm(r->y + at, n, r->x + at, n, r->w, 0, TOKEN_BLOCK, n, 1e-6f))
FOR_BLOCKS(l2norm_tokens,
           r->kernels->l2norm(r->y + at, n, r->x + at, n, TOKEN_BLOCK, n, 1e-6f, 1))
FOR_BLOCKS(gated_norm_tokens,
           r->kernels->gated_norm(r->y + at, n, r->x + at, n, r->gate + at, n, r->w, 0, TOKEN_BLOCK,
                                  n, 1e-6f))

// In turn with a plain copy: what the convolution cannot be faster than where memory holds both.
static void run_conv(const struct suite *suite, size_t tokens)
{
    char shape[64];
    snprintf(shape, sizeof shape, "n%zu %d channels", tokens, CHANNELS);
    if (!bench_wanted("short_conv", shape))
        return;
    const size_t n = tokens * CHANNELS;
    struct rows r = {.kernels = suite->kernels, .tokens = tokens, .x = bench_floats(n, 1),
                     .y = bench_floats(n, 1), .w = bench_floats(TAPS * CHANNELS, 1),
                     .tail = bench_floats((TAPS - 1) * CHANNELS, 1)};
    const double bytes = 2.0 * (double)(n * sizeof(float));
    const enum roof roof = roof_for(suite->team, (size_t)bytes, true);
    const struct bench_case c[] = {
        {.op = "short_conv", .shape = shape, .items = CHANNELS / CHANNEL_BLOCK, .fn = conv_channels,
         .arg = &r, .tokens = (double)tokens, .flops = 2.0 * (double)(n * (TAPS + SILU)),
         .bytes = bytes, .roof = roof},
        {.op = "short_conv: copy x to y", .shape = shape, .items = CHANNELS / CHANNEL_BLOCK,
         .fn = copy_rows, .arg = &r, .tokens = (double)tokens, .bytes = bytes, .roof = roof,
         .isa = "-"},
    };
    suite_run(suite, c, 2);
    bench_free_all();
}

// `bytes` per value: what is read and written.
static void run_tokens(const struct suite *suite, const char *op, lte_par_fn *fn, size_t width,
                       size_t bytes)
{
    char shape[64];
    snprintf(shape, sizeof shape, "n%d width %zu", TOKENS, width);
    if (!bench_wanted(op, shape))
        return;
    const size_t n = TOKENS * width;
    struct rows r = {.kernels = suite->kernels, .width = width, .x = bench_floats(n, 1),
                     .gate = bench_floats(n, 1), .y = bench_floats(n, 1),
                     .w = bench_floats(width, 1), .cosine = bench_floats(HALF, 1),
                     .sine = bench_floats(HALF, 1)};
    const struct bench_case c = {.op = op, .shape = shape, .items = TOKENS / TOKEN_BLOCK, .fn = fn,
                                 .arg = &r, .tokens = TOKENS, .bytes = (double)(n * bytes),
                                 .roof = roof_for(suite->team, n * bytes, true)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_rows(const struct suite *suite)
{
    for (size_t tokens = 128; tokens <= 2048; tokens *= 4) // L3, its edge, RAM
        run_conv(suite, tokens);
    run_tokens(suite, "rmsnorm", rmsnorm_tokens, WIDTH, 8);
    run_tokens(suite, "l2norm", l2norm_tokens, 128, 8);
    run_tokens(suite, "gated_norm", gated_norm_tokens, 128, 12);
    run_tokens(suite, "silu", silu_tokens, WIDTH, 8);
    run_tokens(suite, "sigmoid", sigmoid_tokens, WIDTH, 8);
    run_tokens(suite, "softplus", softplus_tokens, WIDTH, 8);
    run_tokens(suite, "exp", exp_tokens, WIDTH, 8);
    run_tokens(suite, "add", add_tokens, WIDTH, 12);
    run_tokens(suite, "swiglu", swiglu_tokens, 4 * WIDTH, 12);
    run_tokens(suite, "rope", rope_tokens, 2 * HALF * HEADS, 8);
    run_tokens(suite, "narrow bf16", narrow_tokens, WIDTH, 6);
    run_tokens(suite, "widen bf16", widen_tokens, WIDTH, 6);
}
