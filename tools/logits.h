// SPDX-License-Identifier: BSD-2-Clause
// What commands ask of logits.
#ifndef LTE_TOOLS_LOGITS_H
#define LTE_TOOLS_LOGITS_H

#include <stddef.h>
#include <stdint.h>

// The id with the highest logit, the first of several.
uint32_t logits_highest(const float *logits, uint32_t vocabulary);
// -log of the probability that they give to `token`; not finite if a logit is not.
double logits_surprise(const float *logits, uint32_t vocabulary, uint32_t token);
// Rows of logits to have at once: 1..256, in 16 MiB where that is possible.
size_t logits_rows(uint32_t vocabulary);

#endif
