// SPDX-License-Identifier: BSD-2-Clause
// Spinning and sleeping on a word: futex on Linux, one mutex and condition for all words elsewhere.
#include "config.h"

#include "lib/par_wait.h"

#include <time.h>

#if defined(__linux__) && !defined(LTE_PAR_WITHOUT_FUTEX)

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void lte_par_sleep(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void lte_par_wake(_Atomic uint32_t *word, uint32_t sleepers)
{
    const int count = sleepers > INT_MAX ? INT_MAX : (int)sleepers;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

#else

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void lte_par_sleep(_Atomic uint32_t *word, uint32_t value)
{
    pthread_mutex_lock(&lock);
    if (atomic_load(word) == value)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void lte_par_wake(_Atomic uint32_t *word, uint32_t sleepers)
{
    (void)word, (void)sleepers; // the condition is everyone's
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

#endif

static inline void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); // `yield` is a no-op on most cores
#endif
}

uint64_t lte_par_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t lte_par_spin(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
    enum { LOOKS = 16 }; // between two looks at the clock
    uint32_t seen = atomic_load_explicit(word, memory_order_acquire);
    if (seen != value || !ns)
        return seen;
    for (const uint64_t end = lte_par_now() + ns; seen == value && lte_par_now() < end;) {
        for (int i = 0; i < LOOKS && seen == value; i++) {
            pause_cpu();
            seen = atomic_load_explicit(word, memory_order_acquire);
        }
    }
    return seen;
}
