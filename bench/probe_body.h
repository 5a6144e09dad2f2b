// SPDX-License-Identifier: BSD-2-Clause
// The probes over a vec.h vocabulary; the including file names the instance in PROBE.
#include "bench/probe.h"

enum { STEP = 8 * VL, CHAINS = VREGS >= 32 ? 20 : 12 };

// Enough independent chains to hide the latency of the multiply-add. The compiler keeps the array
// in registers: every loop over it is unrolled.
static float probe_fma(size_t rounds)
{
    V chain[CHAINS];
    const V a = v_set1(0.999f), b = v_set1(1e-3f);
#pragma GCC unroll 32
    for (int i = 0; i < CHAINS; i++)
        chain[i] = v_set1((float)i);
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 32
        for (int i = 0; i < CHAINS; i++)
            chain[i] = v_fma(chain[i], a, b);
    }
#pragma GCC unroll 32
    for (int i = 1; i < CHAINS; i++)
        chain[0] = v_add(chain[0], chain[i]);
    return v_sum(chain[0]);
}

static float probe_read(const float *x, size_t n)
{
    V sum[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        sum[i] = v_zero();
    for (size_t at = 0; at < n; at += STEP) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            sum[i] = v_add(sum[i], v_load(x + at + (size_t)i * VL));
    }
#pragma GCC unroll 8
    for (int i = 1; i < 8; i++)
        sum[0] = v_add(sum[0], sum[i]);
    return v_sum(sum[0]);
}

static void probe_update(float *x, size_t n)
{
    const V a = v_set1(0.9999999f);
    for (size_t at = 0; at < n; at += STEP) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            v_store(x + at + i * VL, v_mul(a, v_load(x + at + i * VL)));
    }
}

const struct probe PROBE = {probe_fma, 2.0 * VL * CHAINS, probe_read, probe_update};
