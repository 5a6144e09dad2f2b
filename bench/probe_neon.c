// SPDX-License-Identifier: BSD-2-Clause
// The machine's limits as NEON reaches them.
#include "simd/neon/vec.h"

#define PROBE probe_neon
#include "bench/probe_body.h"
