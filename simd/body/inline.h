// SPDX-License-Identifier: BSD-2-Clause
// Bodies take their tile sizes as constant arguments: they must be inlined into the caller that
// fixes them, and their loops over registers unrolled, at any optimisation level. Not so under a
// sanitizer, which checks every access of every copy and takes compilers minutes a file: there each
// body is compiled once, as the loops that it is written as.
#ifndef LTE_SIMD_BODY_INLINE_H
#define LTE_SIMD_BODY_INLINE_H

#ifdef LTE_COMPACT

#define LTE_INLINE static inline
#define LTE_UNROLL

#else

#define LTE_INLINE static inline __attribute__((always_inline))
#define LTE_UNROLL _Pragma("GCC unroll 16")

#endif

#endif
