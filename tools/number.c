// SPDX-License-Identifier: BSD-2-Clause
// Strict reading of numbers.
#include "config.h"

#include "tools/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool number_integer(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        const uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool number_real(const char *text, float *value)
{
    // strtod also takes spaces, hexadecimal, "inf" and "nan"
    if (!*text || text[strspn(text, "0123456789.eE+-")])
        return false;
    char *end;
    const double x = strtod(text, &end);
    if (end == text || *end || !isfinite((float)x))
        return false;
    *value = (float)x;
    return true;
}
