// SPDX-License-Identifier: BSD-2-Clause
// Conversions between fp32 and the storage types.
#ifndef LTE_SIMD_CONVERT_H
#define LTE_SIMD_CONVERT_H

#include <stddef.h>

// to[i] = (float)from[i], exact. `from` may be unaligned. from and to must not overlap.
typedef void lte_widen_fn(float *to, const void *from, size_t n);
// to[i] = from[i] rounded to nearest even; NaN stays a (quiet) NaN, overflow becomes infinity, F16
// subnormals are kept. `to` may be unaligned. Every level gives the same bits, NaN payloads apart.
typedef void lte_narrow_fn(void *to, const float *from, size_t n);

#endif
