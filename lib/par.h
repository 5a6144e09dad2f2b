// SPDX-License-Identifier: BSD-2-Clause
// Parallel loops: the only place that knows OpenMP and threads.
#ifndef LTE_LIB_PAR_H
#define LTE_LIB_PAR_H

#include <stddef.h>

#include "lib/context.h"

// A team of threads: whoever calls lte_par_run() and the helpers that wait for its loops. Each
// context has one.
struct lte_par;

// Threads to use for `asked` (0: one per big core that this process may run on); 1 without OpenMP.
unsigned lte_par_threads(unsigned asked);

// A team of `threads`, the caller's included; its helpers are started by the first lte_par_run().
// Where the system gives fewer, there are fewer. LTE_OK or LTE_ERR_MEMORY.
enum lte_status lte_par_open(const struct lte_context *context, unsigned threads,
                             struct lte_par **team);
void lte_par_close(const struct lte_context *context, struct lte_par *team); // NULL is allowed

// Runs fn(team, arg) on the calling thread; helpers spin briefly and then sleep between loops, so
// that a busy neighbour can have the core. If the team is running for another thread already, fn
// gets a team of one; so it does for `team` NULL and in a child of fork(). Does not allocate.
void lte_par_run(struct lte_par *team, void (*fn)(struct lte_par *team, void *arg), void *arg);

// fn(arg, item, thread) for each item in 0..items-1, handed out dynamically one after another;
// returns when all are done. thread is 0..lte_par_size()-1 and is not shared by two items running
// at once, so it may index scratch memory. What an item computes must not depend on thread. Only
// the thread that lte_par_run() called fn on may call this.
typedef void lte_par_fn(void *arg, size_t item, unsigned thread);
void lte_par_for(struct lte_par *team, size_t items, lte_par_fn *fn, void *arg);

unsigned lte_par_size(const struct lte_par *team); // at most the threads it was opened with

#endif
