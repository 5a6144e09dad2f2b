// SPDX-License-Identifier: BSD-2-Clause
// Waiting for a word of memory to change: a short spin, then sleep.
#ifndef LTE_LIB_PAR_WAIT_H
#define LTE_LIB_PAR_WAIT_H

#include <stdatomic.h>
#include <stdint.h>

// Sleeps unless *word differs from `value`; returns after lte_par_wake(word), and now and then for
// no reason. The check and the falling asleep are one step against a wake that follows a change of
// *word.
void lte_par_sleep(_Atomic uint32_t *word, uint32_t value);
// Wakes up to `sleepers` of the threads that sleep on *word, perhaps all of them.
void lte_par_wake(_Atomic uint32_t *word, uint32_t sleepers);

uint64_t lte_par_now(void); // nanoseconds, monotonic
// Spins for about `ns` nanoseconds until *word differs from `value`; what it was last.
uint32_t lte_par_spin(_Atomic uint32_t *word, uint32_t value, uint64_t ns);

#endif
