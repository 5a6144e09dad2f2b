// SPDX-License-Identifier: BSD-2-Clause
// y = x W^T: the product of activations with a weight matrix stored [rows][cols], and the two
// products that carry its gradient back.
#ifndef LTE_SIMD_LINEAR_H
#define LTE_SIMD_LINEAR_H

#include <stddef.h>

// y[t*ys + r] = sum_c w[r*ws + c] * x[t*xs + c],  t < tokens, r < rows, c < cols.
// Strides in elements. `w` is F32, BF16 or F16, read as it lies in the file: it need not even be
// aligned to its own size. y must not overlap x or w. tokens, rows or cols may be 0 (cols = 0
// writes zeros).
//
// lte_linear_fn: for one to some tens of tokens. The sum of one (t, r) is formed in the same order
// whatever `tokens` and `rows` are, so its bits depend only on its own row and token.
// lte_gemm_fn: for many tokens; any order of summation, but the same for every (t, r) whatever
// `tokens` and `rows` are. `scratch` has the size that lte_gemm_scratch_fn gives, aligned to 64
// bytes. Three forms, named as in BLAS after the operands that lie transposed; nn and tn add:
//     gemm      y[t*ys + r]  = sum_c x[t*xs + c] * w[r*ws + c]
//     gemm_nn   y[t*ys + r] += sum_c x[t*xs + c] * w[c*ws + r]    dx[t][r] += dy[t][c] w[c][r]
//     gemm_tn   y[t*ys + r] += sum_c x[c*xs + t] * w[c*ws + r]    dw[t][r] += dy[c][t] x[c][r]; F32
// Accumulation in fp32. Tolerance against the reference (double): 4e-7 * sqrt(cols) * sum_c |w x|,
// plus cols * 2^-149 where products fall below the normal range; what was in y counts as one more
// product. NaN and Inf propagate.
typedef void lte_linear_fn(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                           const void *w, size_t ws, size_t rows, size_t cols);
typedef void lte_gemm_fn(float *y, size_t ys, const float *x, size_t xs, size_t tokens,
                         const void *w, size_t ws, size_t rows, size_t cols, void *scratch);
typedef size_t lte_gemm_scratch_fn(size_t tokens, size_t rows, size_t cols);

#endif
