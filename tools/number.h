// SPDX-License-Identifier: BSD-2-Clause
// Strict reading of numbers: the whole text must be one, and in range.
#ifndef LTE_TOOLS_NUMBER_H
#define LTE_TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

// Decimal digits only: no sign, no spaces, no suffix. False if `text` is not such a number or does
// not fit.
bool number_integer(const char *text, uint64_t *value);
// Decimal notation with an optional exponent; false for anything else, and for what is not finite.
bool number_real(const char *text, float *value);

#endif
