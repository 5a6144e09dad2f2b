// SPDX-License-Identifier: BSD-2-Clause
// What commands ask of logits.
#include "config.h"

#include "tools/logits.h"

#include <math.h>

uint32_t logits_highest(const float *logits, uint32_t vocabulary)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < vocabulary; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

double logits_surprise(const float *logits, uint32_t vocabulary, uint32_t token)
{
    const double largest = logits[logits_highest(logits, vocabulary)];
    double sum = 0;
    for (uint32_t i = 0; i < vocabulary; i++)
        sum += exp(logits[i] - largest);
    return largest + log(sum) - logits[token];
}

size_t logits_rows(uint32_t vocabulary)
{
    const size_t rows = ((size_t)16 << 20) / (vocabulary * sizeof(float));
    return rows < 1 ? 1 : rows > 256 ? 256 : rows;
}
