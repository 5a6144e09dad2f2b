// SPDX-License-Identifier: BSD-2-Clause
// Parallel loops over a team of threads: the caller publishes loops, helpers take items. Nothing
// ever waits for a helper that has not taken an item, not even the end of lte_par_run(): the
// helpers are the threads of one OpenMP region that lasts as long as the team. A region for each
// run would end only when its last thread has come and gone, which takes scheduler slices on a busy
// machine (8.8 ms for an empty run on two cores under a load of 2, against 0.3 us).
#include "config.h"

#include "lib/par.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "lib/cores.h"
#include "lib/par_limit.h"
#include "lib/par_wait.h"

enum {
    // Long enough to bridge the serial stretches between two loops, short against a scheduler's
    // slice: a thread that spins longer takes from its neighbour and from its own share later.
    SPIN_NS = 20000,
    // A helper that was woken and took nothing for this long has no core to run on.
    WAKE_NS = 100000,
    // The leader was kept waiting by a stopped helper: this much, beyond the length of two items.
    STALL_NS = 200000,
    CACHE_LINE = 64
};
// Values of `left`: NONE to claim, or the team is closing; else a count of items.
static const uint32_t NONE = 0, LEAVE = UINT32_MAX;
static const uint32_t WATCHED = 1u << 31;
static const size_t MAX_LOOP = 1u << 30; // longer loops are published in pieces

struct lte_par {
    // Items of the loop not yet claimed. A claim takes one with compare-and-swap and reads the loop
    // only after that: the loop cannot be replaced before the claimed item is done, so a helper
    // that slept through any number of loops claims an item of the present one or none.
    _Alignas(CACHE_LINE) _Atomic uint32_t left;
    size_t first, items; // written while nothing is claimed or claimable, as are fn and arg
    lte_par_fn *fn;
    void *arg;

    // Items that helpers finished, and WATCHED if the leader sleeps on it.
    _Alignas(CACHE_LINE) _Atomic uint32_t done;

    _Alignas(CACHE_LINE) _Atomic uint32_t asleep; // helpers on the way to sleep on `left`, or in it
    atomic_bool crowded;     // a helper found itself on the leader's core
    atomic_int leader_core;
    struct lte_par_limit limit;

    uint64_t woken;          // when a helper was woken that has not taken an item since; 0: none
    atomic_bool running;     // some thread is in lte_par_run()
    unsigned threads;        // the leader and the helpers that could be started; 0 before
    unsigned asked;
    uint64_t spin_ns;
    pid_t owner;             // the process that started the helpers
    pthread_t host;          // opens the region and is its first helper
    _Atomic unsigned gone;   // helpers that have left it
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

// The leader: waits until helpers have finished `target` items; how long it slept.
static uint64_t wait_done(struct lte_par *team, uint32_t target)
{
    uint64_t slept = 0;
    uint32_t done = atomic_load_explicit(&team->done, memory_order_acquire);
    while ((done & ~WATCHED) != target) {
        const uint32_t before = done;
        done = lte_par_spin(&team->done, before, team->spin_ns);
        if (done != before || !atomic_compare_exchange_strong(&team->done, &done, done | WATCHED))
            continue;
        const uint64_t start = lte_par_now();
        lte_par_sleep(&team->done, done | WATCHED);
        slept += lte_par_now() - start;
        done = atomic_load_explicit(&team->done, memory_order_acquire);
    }
    return slept;
}

// The leader: makes `left` claimable and sees to it that enough helpers are awake. Sequentially
// consistent, as in help(): either the helper that falls asleep is counted, or it sees `left`.
static void publish(struct lte_par *team, uint32_t left, uint32_t helpers)
{
    atomic_store_explicit(&team->done, 0, memory_order_relaxed);
    atomic_store(&team->left, left);
    if (!atomic_load(&team->asleep))
        return;
    lte_par_wake(&team->left, helpers);
    if (!team->woken)
        team->woken = lte_par_now();
}

// After a loop that took `own` of `items` items since `start` and then slept for `slept`: parks a
// helper if there was trouble.
static void judge(struct lte_par *team, size_t items, uint32_t own, uint64_t start, uint64_t slept)
{
    if (own < items)
        team->woken = 0;
    const bool stalled = slept > STALL_NS;
    const bool crowded = atomic_load_explicit(&team->crowded, memory_order_relaxed);
    if (!stalled && !crowded && !team->woken)
        return;
    const uint64_t now = lte_par_now();
    const bool unheard = team->woken && now - team->woken > WAKE_NS;
    // What the leader spent on its own items says how long it may have to wait for another's.
    const bool too_long = stalled && own && slept > STALL_NS + 2 * (now - slept - start) / own;
    if (crowded || unheard || too_long) {
        lte_par_limit_lower(&team->limit, now);
        atomic_store_explicit(&team->crowded, false, memory_order_relaxed);
        team->woken = 0;
    }
}

static void run_loop(struct lte_par *team, size_t first, size_t items, lte_par_fn *fn, void *arg)
{
    const uint64_t start = lte_par_now();
    if (lte_par_limit_raise(&team->limit, start))
        lte_par_wake(&team->limit.threads, team->threads);
    team->first = first;
    team->items = items;
    team->fn = fn;
    team->arg = arg;
    atomic_store_explicit(&team->leader_core, lte_core_here(), memory_order_relaxed);
    publish(team, (uint32_t)items, (uint32_t)items - 1);
    const uint32_t own = take_items(team, 0);
    judge(team, items, own, start, wait_done(team, (uint32_t)items - own));
}

// All but the leader are parked, and the next is not due yet.
static bool is_alone(struct lte_par *team)
{
    return atomic_load_explicit(&team->limit.threads, memory_order_relaxed) == 1 &&
           lte_par_now() < team->limit.retry;
}

void lte_par_for(struct lte_par *team, size_t items, lte_par_fn *fn, void *arg)
{
    if (team->threads == 1 || items < 2 || is_alone(team)) {
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

#ifdef _OPENMP
static void add_done(struct lte_par *team, uint32_t count)
{
    if (atomic_fetch_add_explicit(&team->done, count, memory_order_release) & WATCHED)
        lte_par_wake(&team->done, 1);
}

// On the leader's core a helper only keeps the leader from running.
static bool is_crowded(struct lte_par *team)
{
    const int core = lte_core_here();
    return core >= 0 && core == atomic_load_explicit(&team->leader_core, memory_order_relaxed);
}

static void sleep_until_loop(struct lte_par *team)
{
    atomic_fetch_add(&team->asleep, 1);
    lte_par_sleep(&team->left, NONE);
    atomic_fetch_sub(&team->asleep, 1);
}

// A helper's life: parked while the limit says so; items while there are any, a short spin, sleep.
static void help(struct lte_par *team, unsigned thread)
{
    for (;;) {
        const uint32_t limit = atomic_load(&team->limit.threads);
        if (thread >= limit) {
            lte_par_sleep(&team->limit.threads, limit);
            continue;
        }
        const uint32_t left = lte_par_spin(&team->left, NONE, team->spin_ns);
        if (left == LEAVE)
            break;
        if (left == NONE) {
            sleep_until_loop(team);
        } else if (is_crowded(team)) {
            atomic_store_explicit(&team->crowded, true, memory_order_relaxed);
            sched_yield();
        } else {
            const uint32_t taken = take_items(team, thread);
            if (taken)
                add_done(team, taken);
        }
    }
    atomic_fetch_add_explicit(&team->gone, 1, memory_order_release); // the last look at the team
}

static void *host(void *arg)
{
    struct lte_par *team = arg;
#pragma omp parallel num_threads((int)team->asked - 1)
    help(team, 1 + (unsigned)omp_get_thread_num());
    return NULL;
}

// Starts the helpers, deaf to signals: those are for the threads of the program.
static void start_helpers(struct lte_par *team)
{
    sigset_t all, before;
    team->owner = getpid();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    team->threads = pthread_create(&team->host, NULL, host, team) ? 1 : team->asked;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
#else
static void start_helpers(struct lte_par *team)
{
    team->threads = 1;
    team->owner = getpid();
}
#endif

// A child of fork() has the team but not its helpers, and perhaps locks that nobody will open.
static bool is_orphan(const struct lte_par *team)
{
    return team->threads && team->owner != getpid();
}

static bool take_lead(struct lte_par *team)
{
    return team && team->asked > 1 && !atomic_exchange(&team->running, true);
}

void lte_par_run(struct lte_par *team, void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    struct lte_par alone = {.threads = 1};
    if (!take_lead(team)) {
        fn(&alone, arg);
        return;
    }
    if (!team->threads)
        start_helpers(team);
    team->woken = 0;
    fn(is_orphan(team) ? &alone : team, arg);
    atomic_store(&team->running, false);
}

unsigned lte_par_threads(unsigned asked)
{
#ifdef _OPENMP
    return asked ? asked : lte_cores_big(LTE_CORES_FOLDER);
#else
    (void)asked;
    return 1;
#endif
}

enum lte_status lte_par_open(const struct lte_context *context, unsigned threads,
                             struct lte_par **team)
{
    if (threads < 1)
        threads = 1;
    *team = lte_alloc_zero(context, sizeof(struct lte_par));
    if (!*team)
        return lte_fail_memory(context, "the team of threads", sizeof(struct lte_par));
    (*team)->asked = threads;
    lte_par_limit_init(&(*team)->limit, threads);
    // With more threads than cores, whoever spins keeps a core from the one it waits for.
    (*team)->spin_ns = threads > lte_cores() ? 0 : SPIN_NS;
    return LTE_OK;
}

static void dismiss_helpers(struct lte_par *team)
{
    publish(team, LEAVE, team->asked);
    atomic_store(&team->limit.threads, UINT32_MAX);
    lte_par_wake(&team->limit.threads, team->asked);
    pthread_join(team->host, NULL);
    (void)atomic_load_explicit(&team->gone, memory_order_acquire);
}

void lte_par_close(const struct lte_context *context, struct lte_par *team)
{
    if (!team)
        return;
    if (team->threads > 1 && !is_orphan(team))
        dismiss_helpers(team);
    lte_release(context, team, sizeof(struct lte_par));
}
