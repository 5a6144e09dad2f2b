// SPDX-License-Identifier: BSD-2-Clause
// Parallel loops over one OpenMP region: thread 0 runs the caller's function and publishes loops,
// helpers take items. Nothing waits for a helper that has not taken an item.
#include "config.h"

#include "lib/par.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "lib/cores.h"
#include "lib/par_wait.h"

enum {
    // Long enough to bridge the serial stretches between two loops, short against a scheduler's
    // slice: a thread that spins longer takes from its neighbour and from its own share later.
    SPIN_NS = 20000,
    CACHE_LINE = 64
};
// Values of `left`: NONE to claim, or the function of thread 0 has returned; else a count of items.
static const uint32_t NONE = 0, LEAVE = UINT32_MAX;
static const size_t MAX_LOOP = 1u << 31; // longer loops are published in pieces

struct lte_par {
    // Items of the loop not yet claimed. A claim takes one with compare-and-swap and reads the loop
    // only after that: the loop cannot be replaced before the claimed item is done, so a helper that
    // slept through any number of loops claims an item of the present one or none.
    _Alignas(CACHE_LINE) _Atomic uint32_t left;
    size_t first, items; // written while nothing is claimed or claimable, as are fn and arg
    lte_par_fn *fn;
    void *arg;

    // Items that helpers finished (then: helpers that left), and whether thread 0 sleeps on that.
    _Alignas(CACHE_LINE) _Atomic uint32_t done;
    _Atomic bool watched;

    _Alignas(CACHE_LINE) _Atomic uint32_t asleep; // helpers on the way to sleep on `left`, or in it
    unsigned threads;
    uint64_t spin_ns;
};

// Runs items of the present loop until none is left to claim; how many.
static uint32_t take_items(struct lte_par *team, unsigned thread)
{
    uint32_t taken = 0, left = atomic_load_explicit(&team->left, memory_order_relaxed);
    while (left != NONE && left != LEAVE) {
        if (!atomic_compare_exchange_weak_explicit(&team->left, &left, left - 1,
                                                   memory_order_acquire, memory_order_relaxed))
            continue;
        team->fn(team->arg, team->first + team->items - left, thread);
        taken++;
        left = atomic_load_explicit(&team->left, memory_order_relaxed);
    }
    return taken;
}

// Thread 0: waits until `done` is `target`. Sequentially consistent here and in add_done(): either
// this thread sees the last addition, or the thread that makes it sees `watched`.
static void wait_done(struct lte_par *team, uint32_t target)
{
    uint32_t done = atomic_load(&team->done);
    while (done != target) {
        const uint32_t seen = lte_par_spin(&team->done, done, team->spin_ns);
        if (seen == done) {
            atomic_store(&team->watched, true);
            lte_par_sleep(&team->done, done);
            atomic_store(&team->watched, false);
        }
        done = atomic_load(&team->done);
    }
}

static void add_done(struct lte_par *team, uint32_t count)
{
    atomic_fetch_add(&team->done, count);
    if (atomic_load(&team->watched))
        lte_par_wake(&team->done, 1);
}

// Thread 0: makes `left` claimable and sees to it that enough helpers are awake.
static void publish(struct lte_par *team, uint32_t left, uint32_t helpers)
{
    atomic_store_explicit(&team->done, 0, memory_order_relaxed);
    atomic_store(&team->left, left);
    if (atomic_load(&team->asleep))
        lte_par_wake(&team->left, helpers);
}

static void run_loop(struct lte_par *team, size_t first, size_t items, lte_par_fn *fn, void *arg)
{
    team->first = first;
    team->items = items;
    team->fn = fn;
    team->arg = arg;
    publish(team, (uint32_t)items, (uint32_t)items - 1);
    const uint32_t own = take_items(team, 0);
    wait_done(team, (uint32_t)items - own);
}

void lte_par_for(struct lte_par *team, size_t items, lte_par_fn *fn, void *arg)
{
    if (team->threads == 1 || items < 2) {
        for (size_t i = 0; i < items; i++)
            fn(arg, i, 0);
        return;
    }
    for (size_t first = 0; first < items; first += MAX_LOOP)
        run_loop(team, first, items - first < MAX_LOOP ? items - first : MAX_LOOP, fn, arg);
}

unsigned lte_par_size(const struct lte_par *team)
{
    return team->threads;
}

static void run_alone(void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    struct lte_par team = {.threads = 1};
    fn(&team, arg);
}

#ifdef _OPENMP

// A helper's life: items while there are any, a short spin, then sleep.
static void help(struct lte_par *team, unsigned thread)
{
    uint32_t left;
    while ((left = lte_par_spin(&team->left, NONE, team->spin_ns)) != LEAVE) {
        if (left != NONE) {
            const uint32_t taken = take_items(team, thread);
            if (taken)
                add_done(team, taken);
            continue;
        }
        atomic_fetch_add(&team->asleep, 1);
        lte_par_sleep(&team->left, NONE);
        atomic_fetch_sub(&team->asleep, 1);
    }
    add_done(team, 1);
}

// Thread 0: the caller's function, then the leave-taking. It waits for the helpers here, where it
// can sleep, so that the barrier at the end of the region finds them all and does not spin.
static void lead(struct lte_par *team, unsigned threads,
                 void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    team->threads = threads;
    fn(team, arg);
    publish(team, LEAVE, threads - 1);
    wait_done(team, threads - 1);
}

unsigned lte_par_threads(unsigned asked)
{
    if (asked)
        return asked;
    const unsigned all = (unsigned)omp_get_num_procs(), big = lte_cores_big(LTE_CORES_FOLDER);
    return big && big < all ? big : all;
}

// The thread sanitizer cannot see how the region hands `team` to its threads; all else is ordered by
// the atomics above.
#if defined(__GNUC__)
__attribute__((no_sanitize("thread")))
#endif
void lte_par_run(unsigned threads, void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    if (threads < 2) {
        run_alone(fn, arg);
        return;
    }
    struct lte_par team;
    atomic_init(&team.left, NONE);
    atomic_init(&team.done, 0);
    atomic_init(&team.watched, false);
    atomic_init(&team.asleep, 0);
    // With more threads than cores, whoever spins keeps a core from the one it waits for.
    team.spin_ns = threads > (unsigned)omp_get_num_procs() ? 0 : SPIN_NS;
#pragma omp parallel num_threads(threads)
    {
        if (omp_get_thread_num())
            help(&team, (unsigned)omp_get_thread_num());
        else
            lead(&team, (unsigned)omp_get_num_threads(), fn, arg);
    }
}

#else

unsigned lte_par_threads(unsigned asked)
{
    (void)asked;
    return 1;
}

void lte_par_run(unsigned threads, void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    (void)threads;
    run_alone(fn, arg);
}

#endif
