// SPDX-License-Identifier: BSD-2-Clause
// How many threads of a team take part, when neighbours want the cores too.
#ifndef LTE_LIB_PAR_LIMIT_H
#define LTE_LIB_PAR_LIMIT_H

#include <stdatomic.h>
#include <stdint.h>

// A thread that shares its core with a neighbour is stopped for milliseconds by the scheduler,
// often in the middle of an item, and all others wait for it: then one thread fewer is faster. Each
// trouble parks one thread; it is tried again after a while, after a longer while the sooner that
// failed.
struct lte_par_limit {
    _Atomic uint32_t threads; // taking part: those numbered below this; parked helpers sleep on it
    uint32_t most;
    uint64_t penalty;         // ns until a parked thread is tried again
    uint64_t retry;           // when the next one is
    uint64_t retried;         // when the last one was
};

void lte_par_limit_init(struct lte_par_limit *limit, uint32_t most);
// Something went wrong at time `now` (ns): one thread fewer.
void lte_par_limit_lower(struct lte_par_limit *limit, uint64_t now);
// Takes a parked thread back if its time has come; nonzero if it did.
int lte_par_limit_raise(struct lte_par_limit *limit, uint64_t now);

#endif
