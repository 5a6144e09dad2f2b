// SPDX-License-Identifier: BSD-2-Clause
// Dropout by addressed bits: one number of lib/random.h decides on four elements.
#include "config.h"

#include "lib/grad/dropout.h"

#include <math.h>

#include "lib/random.h"

#define LANES UINT64_C(0x0001000100010001)

void lte_dropout_init(struct lte_dropout *d, float probability, uint64_t key)
{
    const double p = probability < 1 ? (double)probability : 1;
    const float factor = p < 1 ? (float)(1 / (1 - p)) : 0;
    *d = (struct lte_dropout){.active = p > 0, .key = key};
    d->least = (uint64_t)floor(p * 0x8000 + 0.5) * LANES;
    for (unsigned kept = 0; kept < 16; kept++)
        for (unsigned i = 0; i < 4; i++)
            d->keep[kept][i] = kept >> i & 1 ? factor : 0;
}

// Bit i: lane i of fifteen bits is at least the bound. Subtracting from 2^15 + lane leaves bit 15
// set where it is; the product brings the four bits together.
static unsigned kept(uint64_t bits, uint64_t least)
{
    const uint64_t high = LANES << 15, enough = (((bits | high) - least) >> 15) & LANES;
    return (unsigned)(enough * UINT64_C(0x1000200040008000) >> 60);
}

static void scale4(float *restrict x, const float *restrict factor)
{
    for (int i = 0; i < 4; i++)
        x[i] *= factor[i];
}

void lte_dropout_apply(const struct lte_dropout *d, uint64_t line, size_t width, float *x, float *y)
{
    const uint64_t words = (width + 3) / 4;
    size_t i = 0;
    for (uint64_t at = line * words; i + 4 <= width; i += 4, at++) {
        const float *factor = d->keep[kept(lte_random_bits(d->key, at), d->least)];
        scale4(x + i, factor);
        if (y)
            scale4(y + i, factor);
    }
    if (i == width)
        return;
    const float *factor = d->keep[kept(lte_random_bits(d->key, line * words + words - 1), d->least)];
    for (size_t j = 0; i + j < width; j++) {
        x[i + j] *= factor[j];
        if (y)
            y[i + j] *= factor[j];
    }
}
