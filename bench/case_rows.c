// SPDX-License-Identifier: BSD-2-Clause
// What passes over activations once: convolution, norms, activations, rope, conversions.
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bench/cases.h"

enum { TOKENS = 512, WIDTH = 1024, CHANNELS = 6144, TAPS = 4, CHANNEL_BLOCK = 512, TOKEN_BLOCK = 16,
       HEADS = 16, HALF = 32, SILU = 6, SUMS_SILU = 4 };
// The last two are the multiply-adds and products of a silu and of the convolution's, the quotient
// one of them, where they are fewest (AVX-512).

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
#define FOR_BLOCKS(name, call)                                              \
    static void name(void *arg, size_t item, unsigned thread)               \
    {                                                                       \
        const struct rows *r = arg;                                         \
        const struct lte_kernels *k = r->kernels;                           \
        const size_t width = r->width, n = TOKEN_BLOCK * width;             \
        float *y = r->y + item * n;                                         \
        const float *x = r->x + item * n, *gate = r->gate + item * n;       \
        (void)thread, (void)gate, (void)k;                                  \
        call;                                                               \
    }
FOR_BLOCKS(rmsnorm_tokens, k->rmsnorm(y, width, x, width, r->w, 0, TOKEN_BLOCK, width, 1e-6f))
FOR_BLOCKS(l2norm_tokens, k->l2norm(y, width, x, width, TOKEN_BLOCK, width, 1e-6f, 1))
FOR_BLOCKS(gated_norm_tokens,
           k->gated_norm(y, width, x, width, gate, width, r->w, 0, TOKEN_BLOCK, width, 1e-6f))
FOR_BLOCKS(silu_tokens, k->silu(y, x, n))
FOR_BLOCKS(sigmoid_tokens, k->sigmoid(y, x, n))
FOR_BLOCKS(softplus_tokens, k->softplus(y, x, n))
FOR_BLOCKS(exp_tokens, k->vexp(y, x, n))
FOR_BLOCKS(add_tokens, k->add(y, x, gate, n))
FOR_BLOCKS(swiglu_tokens, k->swiglu(y, x, gate, n))
FOR_BLOCKS(copy_tokens, memcpy(y, x, n * sizeof *y))
FOR_BLOCKS(narrow_tokens, k->narrow[LTE_DTYPE_BF16](y, x, n))
FOR_BLOCKS(widen_tokens, k->widen[LTE_DTYPE_BF16](y, x, n))

static void rope_tokens(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    const struct rows *r = arg;
    for (size_t t = item * TOKEN_BLOCK; t < (item + 1) * TOKEN_BLOCK; t++)
        r->kernels->rope(r->y + t * r->width, r->x + t * r->width, HEADS, 2 * HALF, r->cosine,
                         r->sine, HALF);
}

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
         .arg = &r, .tokens = (double)tokens, .flops = 2.0 * (double)(n * (TAPS + SUMS_SILU)),
         .bytes = bytes, .roof = roof},
        {.op = "short_conv: copy x to y", .shape = shape, .items = CHANNELS / CHANNEL_BLOCK,
         .fn = copy_rows, .arg = &r, .tokens = (double)tokens, .bytes = bytes, .roof = roof,
         .isa = "-"},
    };
    suite_run(suite, c, 2);
    bench_free_all();
}

// One op on `tokens` rows: how many arrays it reads, how many multiply-adds a value takes, and
// whether y takes the place of x.
struct pass {
    const char *op;
    lte_par_fn *fn;
    size_t tokens, width, reads, products;
    bool in_place;
};

// Otherwise from x to y, in turn with a copy, or with a sum where two arrays are read: y's lines
// are fetched before they are written, which costs more than the roof, in place, says.
static void run_pass(const struct suite *suite, const struct pass *p)
{
    char shape[64], plain[64];
    snprintf(shape, sizeof shape, "n%zu width %zu%s", p->tokens, p->width,
             p->in_place ? " in place" : "");
    snprintf(plain, sizeof plain, "%s: %s", p->op, p->reads == 2 ? "x + gate to y" : "copy x to y");
    if (!bench_wanted(p->op, shape))
        return;
    const size_t n = p->tokens * p->width, held = p->in_place ? p->reads : p->reads + 1;
    struct rows r = {.kernels = suite->kernels, .width = p->width, .x = bench_floats(n, 1),
                     .gate = bench_floats(n, 1), .w = bench_floats(p->width, 1),
                     .cosine = bench_floats(HALF, 1), .sine = bench_floats(HALF, 1)};
    r.y = p->in_place ? r.x : bench_floats(n, 1);
    const enum roof roof = roof_for(suite->team, held * n * sizeof(float), true);
    const struct bench_case all = {.shape = shape, .items = p->tokens / TOKEN_BLOCK, .arg = &r,
                                   .tokens = (double)p->tokens, .roof = roof,
                                   .bytes = (double)((p->reads + 1) * n * sizeof(float))};
    struct bench_case c[] = {all, all};
    c[0].op = p->op;
    c[0].fn = p->fn;
    c[0].flops = 2.0 * (double)(p->products * n);
    c[1].op = plain;
    c[1].fn = p->reads == 2 ? add_tokens : copy_tokens;
    suite_run(suite, c, p->in_place ? 1 : 2);
    bench_free_all();
}

// Between floats and bf16: `bytes` per value.
static void run_conversion(const struct suite *suite, const char *op, lte_par_fn *fn, size_t bytes)
{
    char shape[64];
    snprintf(shape, sizeof shape, "n%d width %d", TOKENS, WIDTH);
    if (!bench_wanted(op, shape))
        return;
    const size_t n = (size_t)TOKENS * WIDTH;
    struct rows r = {.kernels = suite->kernels, .width = WIDTH, .x = bench_floats(n, 1),
                     .gate = bench_floats(n, 1), .y = bench_floats(n, 1)};
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
    static const struct pass passes[] = { // in place only what may be repeated without end
        {"rmsnorm", rmsnorm_tokens, TOKENS, WIDTH, 1, 0, false},
        {"rmsnorm", rmsnorm_tokens, TOKENS, 128, 1, 0, false},
        {"l2norm", l2norm_tokens, TOKENS, 128, 1, 0, false},
        {"l2norm", l2norm_tokens, TOKENS, 128, 1, 0, true},
        {"l2norm", l2norm_tokens, TOKENS * HEADS, 128, 1, 0, false}, // the heads of a prompt
        {"l2norm", l2norm_tokens, TOKENS * HEADS, 128, 1, 0, true},
        {"l2norm", l2norm_tokens, TOKENS * HEADS, 64, 1, 0, true},
        {"l2norm", l2norm_tokens, TOKENS * HEADS / 2, 256, 1, 0, true},
        {"gated_norm", gated_norm_tokens, TOKENS, 128, 2, SILU + 4, false},
        {"gated_norm", gated_norm_tokens, TOKENS * HEADS, 128, 2, SILU + 4, false},
        {"silu", silu_tokens, TOKENS, WIDTH, 1, SILU, false},
        {"sigmoid", sigmoid_tokens, TOKENS, WIDTH, 1, SILU, false},
        {"softplus", softplus_tokens, TOKENS, WIDTH, 1, 0, false},
        {"exp", exp_tokens, TOKENS, WIDTH, 1, 0, false},
        {"add", add_tokens, TOKENS, WIDTH, 2, 0, true},
        {"swiglu", swiglu_tokens, TOKENS, 4 * WIDTH, 2, SILU + 1, false},
        {"rope", rope_tokens, TOKENS, 2 * HALF * HEADS, 1, 0, true},
    };
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        run_pass(suite, &passes[i]);
    run_conversion(suite, "narrow bf16", narrow_tokens, 6);
    run_conversion(suite, "widen bf16", widen_tokens, 6);
}
