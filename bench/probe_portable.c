// SPDX-License-Identifier: BSD-2-Clause
// The machine's limits as plain C reaches them, where there is no instruction set of ours.
#include <stddef.h>

#define VL 4
#define VREGS 16
typedef float V __attribute__((vector_size(16)));

static inline V v_set1(float a) { return (V){a, a, a, a}; }
static inline V v_zero(void) { return v_set1(0); }
static inline V v_load(const float *p) { return *(const V *)p; } // probes read aligned memory
static inline void v_store(float *p, V a) { *(V *)p = a; }
static inline V v_add(V a, V b) { return a + b; }
static inline V v_mul(V a, V b) { return a * b; }
static inline V v_fma(V a, V b, V c) { return a * b + c; }
static inline float v_sum(V a) { return a[0] + a[1] + a[2] + a[3]; }

#define PROBE probe_portable
#include "bench/probe_body.h"
