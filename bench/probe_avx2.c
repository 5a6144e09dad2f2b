// SPDX-License-Identifier: BSD-2-Clause
// The machine's limits as AVX2 reaches them.
#include "simd/avx2/vec.h"

#define PROBE probe_avx2
#include "bench/probe_body.h"
