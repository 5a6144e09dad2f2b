// SPDX-License-Identifier: BSD-2-Clause
// The machine's limits as AVX-512 reaches them.
#include "simd/avx512/vec.h"

#define PROBE probe_avx512
#include "bench/probe_body.h"
