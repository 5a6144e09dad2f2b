// SPDX-License-Identifier: BSD-2-Clause
// Parallel loops: the only place that knows OpenMP.
#ifndef LTE_LIB_PAR_H
#define LTE_LIB_PAR_H

#include <stddef.h>

// A team of threads that lives for one lte_par_run().
struct lte_par;

// Threads to use for `asked` (0: one per core that this process may run on); 1 without OpenMP.
unsigned lte_par_threads(unsigned asked);

// Runs fn(team, arg) on the calling thread while up to threads-1 helpers wait for its loops. The
// helpers spin briefly and then sleep, so that a busy neighbour can have the core.
void lte_par_run(unsigned threads, void (*fn)(struct lte_par *team, void *arg), void *arg);

// fn(arg, item, thread) for each item in 0..items-1, handed out dynamically one after another; returns
// when all are done. thread is 0..lte_par_size()-1 and is not shared by two items running at once, so
// it may index scratch memory. What an item computes must not depend on thread. Only the thread that
// lte_par_run() called fn on may call this.
typedef void lte_par_fn(void *arg, size_t item, unsigned thread);
void lte_par_for(struct lte_par *team, size_t items, lte_par_fn *fn, void *arg);

unsigned lte_par_size(const struct lte_par *team);

#endif
