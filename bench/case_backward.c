// SPDX-License-Identifier: BSD-2-Clause
// Gradients that pass over activations once: activations, norms, convolution.
#include "config.h"

#include <stdio.h>

#include "bench/cases.h"

enum { TOKENS = 512, WIDTH = 1024, HEAD = 128, CHANNELS = 6144, TAPS = 4, CHANNEL_BLOCK = 128,
       TOKEN_BLOCK = 32, BLOCKS = TOKENS / TOKEN_BLOCK };

struct backward {
    const struct lte_kernels *kernels;
    size_t width;
    float *da, *db, *dy, *a, *b, *w, *dw; // dw: [BLOCKS][width], or as w
};

static void conv_channels(void *arg, size_t item, unsigned thread)
{
    const struct backward *r = arg;
    const size_t c = item * CHANNEL_BLOCK;
    (void)thread;
    r->kernels->short_conv_back(r->da + c, r->dw + c, NULL, r->dy + c, r->a + c, CHANNELS,
                                r->w + c, NULL, CHANNELS, TOKENS, CHANNEL_BLOCK, TAPS);
}

// One item is a block of tokens.
#define FOR_TOKENS(name, call)                                                   \
    static void name(void *arg, size_t item, unsigned thread)                    \
    {                                                                            \
        const struct backward *r = arg;                                          \
        const size_t n = r->width;                                               \
        float *dw = r->dw + item * n;                                            \
        (void)thread, (void)dw;                                                  \
        for (size_t t = item * TOKEN_BLOCK; t < (item + 1) * TOKEN_BLOCK; t++) { \
            float *da = r->da + t * n, *db = r->db + t * n;                      \
            const float *dy = r->dy + t * n, *a = r->a + t * n, *b = r->b + t * n; \
            (void)db, (void)b;                                                   \
            call;                                                                \
        }                                                                        \
    }
FOR_TOKENS(silu_tokens, r->kernels->silu_back(da, dy, a, n))
FOR_TOKENS(swiglu_tokens, r->kernels->swiglu_back(da, db, dy, a, b, n))
FOR_TOKENS(rmsnorm_tokens, r->kernels->rmsnorm_back(da, dw, dy, a, r->w, n, 1e-6f))
FOR_TOKENS(l2norm_tokens, r->kernels->l2norm_back(da, dy, a, n, 1e-6f, 1))
FOR_TOKENS(gated_norm_tokens, r->kernels->gated_norm_back(da, db, dw, dy, a, b, r->w, n, 1e-6f))

// `arrays`: how often a value's worth of memory is read or written.
static void run(const struct suite *suite, const char *op, lte_par_fn *fn, size_t items,
                size_t width, size_t arrays)
{
    char shape[64];
    snprintf(shape, sizeof shape, "n%d width %zu", TOKENS, width);
    if (!bench_wanted(op, shape))
        return;
    const size_t n = TOKENS * width, bytes = n * arrays * sizeof(float);
    struct backward r = {.kernels = suite->kernels, .width = width,
                         .da = bench_floats(n, 1), .db = bench_floats(n, 1),
                         .dy = bench_floats(n, 1), .a = bench_floats(n, 1),
                         .b = bench_floats(n, 1), .w = bench_floats(TAPS * width, 1),
                         .dw = bench_floats(BLOCKS * width, 1)};
    const struct bench_case c = {.op = op, .shape = shape, .items = items, .fn = fn, .arg = &r,
                                 .tokens = TOKENS, .bytes = (double)bytes,
                                 .roof = roof_for(suite->team, bytes, true)};
    suite_run(suite, &c, 1);
    bench_free_all();
}

void cases_backward(const struct suite *suite)
{
    run(suite, "short_conv back", conv_channels, CHANNELS / CHANNEL_BLOCK, CHANNELS, 4);
    run(suite, "rmsnorm back", rmsnorm_tokens, BLOCKS, WIDTH, 4);
    run(suite, "l2norm back", l2norm_tokens, BLOCKS, HEAD, 4);
    run(suite, "gated_norm back", gated_norm_tokens, BLOCKS, HEAD, 7);
    run(suite, "silu back", silu_tokens, BLOCKS, WIDTH, 4);
    run(suite, "swiglu back", swiglu_tokens, BLOCKS, 4 * WIDTH, 7);
}
