// SPDX-License-Identifier: BSD-2-Clause
// Parking threads that would be waited for, and trying them again.
#include "config.h"

#include "lib/par_limit.h"

// A stall lasts about a scheduler's slice, 3 ms: at 100 ms between trials it costs 3 %.
static const uint64_t LEAST_PENALTY = 5000000, MOST_PENALTY = 100000000;

void lte_par_limit_init(struct lte_par_limit *limit, uint32_t most)
{
    limit->most = most;
    limit->penalty = LEAST_PENALTY;
    limit->retry = limit->retried = 0;
    atomic_store(&limit->threads, most);
}

void lte_par_limit_lower(struct lte_par_limit *limit, uint64_t now)
{
    const uint32_t threads = atomic_load_explicit(&limit->threads, memory_order_relaxed);
    if (threads < 2)
        return;
    const int soon = limit->retried && now - limit->retried < 4 * limit->penalty;
    limit->penalty = soon ? limit->penalty * 2 : LEAST_PENALTY;
    if (limit->penalty > MOST_PENALTY)
        limit->penalty = MOST_PENALTY;
    limit->retry = now + limit->penalty;
    atomic_store(&limit->threads, threads - 1);
}

int lte_par_limit_raise(struct lte_par_limit *limit, uint64_t now)
{
    const uint32_t threads = atomic_load_explicit(&limit->threads, memory_order_relaxed);
    if (threads == limit->most || now < limit->retry)
        return 0;
    limit->retried = now;
    limit->retry = now + limit->penalty;
    atomic_store(&limit->threads, threads + 1);
    return 1;
}
