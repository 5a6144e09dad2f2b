// SPDX-License-Identifier: BSD-2-Clause
// Parallel loops: every item once, any size and number of threads, with and without a busy
// neighbour.
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cores.h"
#include "lib/par.h"
#include "lib/par_limit.h"
#include "lte/context.h"

// Runs fn with a team of its own.
static void run_team(unsigned threads, void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    struct lte_options options;
    struct lte_context *context;
    lte_options_init(&options);
    options.threads = threads;
    assert_int_equal(lte_open(&options, &context), LTE_OK);
    lte_par_run(context->par, fn, arg);
    lte_close(context);
}

enum { MAX_THREADS = 8, MANY_THREADS = 33 };

// Counts how often each item ran, and that no thread id is out of range or in use twice at once.
struct tally {
    _Atomic unsigned *ran;
    size_t items;
    unsigned threads;
    _Atomic bool busy[MANY_THREADS];
    _Atomic unsigned faults;
};

static void count_item(void *arg, size_t item, unsigned thread)
{
    struct tally *t = arg;
    if (item >= t->items || thread >= t->threads) {
        atomic_fetch_add(&t->faults, 1);
        return;
    }
    if (atomic_exchange(&t->busy[thread], true))
        atomic_fetch_add(&t->faults, 1);
    atomic_fetch_add(&t->ran[item], 1);
    atomic_store(&t->busy[thread], false);
}

static void count_sizes(struct lte_par *team, void *arg)
{
    static const size_t sizes[] = {0, 1, 2, 3, 5, 8, 31, 64, 1000, 20000};
    struct tally *t = arg;
    t->threads = lte_par_size(team);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        t->items = sizes[s];
        t->ran = calloc(sizes[s] + 1, sizeof *t->ran);
        lte_par_for(team, sizes[s], count_item, t);
        for (size_t i = 0; i < sizes[s]; i++)
            if (atomic_load(&t->ran[i]) != 1)
                atomic_fetch_add(&t->faults, 1);
        free(t->ran);
    }
}

static void each_item_runs_once(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= MAX_THREADS; threads++) {
        struct tally t = {0};
        run_team(threads, count_sizes, &t);
        assert_int_equal(atomic_load(&t.faults), 0);
        assert_in_range(t.threads, 1, threads);
    }
    struct tally alone = {0};
    lte_par_run(NULL, count_sizes, &alone);
    assert_int_equal(atomic_load(&alone.faults), 0);
    assert_int_equal(alone.threads, 1);
}

static void more_threads_than_cores(void **state)
{
    (void)state;
    struct tally t = {0};
    run_team(MANY_THREADS, count_sizes, &t);
    assert_int_equal(atomic_load(&t.faults), 0);
    assert_in_range(t.threads, 1, MANY_THREADS);
}

// A chain of short loops, each reading what the one before wrote: an item run late, twice or with
// the wrong function changes the sum.
enum { CELLS = 61 };
struct chain {
    uint64_t from[CELLS], to[CELLS];
    size_t loops;
};

static void step_cell(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct chain *c = arg;
    c->to[item] = c->from[item] * 6364136223846793005u + c->from[(item + 1) % CELLS];
}

static void turn_cell(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct chain *c = arg;
    c->from[item] = c->to[item] << 7 | c->to[item] >> 57;
}

static void run_chain(struct lte_par *team, void *arg)
{
    struct chain *c = arg;
    for (size_t loop = 0; loop < c->loops; loop++) {
        lte_par_for(team, 1 + loop % CELLS, step_cell, c);
        lte_par_for(team, CELLS, turn_cell, c);
        if (loop % 512 == 511)
            usleep(100); // long enough for helpers to fall asleep
    }
}

static void chain_start(struct chain *c, size_t loops)
{
    memset(c, 0, sizeof *c);
    c->loops = loops;
    for (size_t i = 0; i < CELLS; i++)
        c->from[i] = i * i + 1;
}

static void chain_of(unsigned threads, size_t loops, struct chain *c)
{
    chain_start(c, loops);
    run_team(threads, run_chain, c);
}

static void results_do_not_depend_on_threads(void **state)
{
    (void)state;
    struct chain want, got;
    chain_of(1, 5000, &want);
    for (unsigned threads = 2; threads <= MAX_THREADS; threads++) {
        chain_of(threads, 5000, &got);
        assert_memory_equal(got.from, want.from, sizeof want.from);
    }
}

static void many_short_lives(void **state)
{
    (void)state;
    struct chain want, got;
    chain_of(1, 3, &want);
    for (int i = 0; i < 200; i++) {
        chain_of(2 + (unsigned)i % 2, 3, &got);
        assert_memory_equal(got.from, want.from, sizeof want.from);
    }
}

// Plain memory, one cell a thread: an id shared by two running items loses additions.
static void add_to_own_sum(void *arg, size_t item, unsigned thread)
{
    volatile uint32_t *sum = arg;
    for (uint32_t i = 0; i < 50; i++)
        sum[thread * 16] += (uint32_t)item;
}

static void run_scratch(struct lte_par *team, void *arg)
{
    for (int i = 0; i < 200; i++)
        lte_par_for(team, 64, add_to_own_sum, arg);
}

static void thread_ids_index_scratch(void **state)
{
    (void)state;
    uint32_t sum[MAX_THREADS * 16] = {0}, all = 0;
    run_team(MAX_THREADS, run_scratch, sum);
    for (int i = 0; i < MAX_THREADS; i++)
        all += sum[i * 16];
    assert_int_equal(all, 200u * 50 * (63 * 64 / 2));
}

static void *burn(void *arg)
{
    _Atomic bool *stop = arg;
    volatile unsigned spin = 0;
    while (!atomic_load_explicit(stop, memory_order_relaxed))
        spin++;
    return NULL;
}

static void a_busy_neighbour_does_no_harm(void **state)
{
    (void)state;
    struct chain want, got;
    _Atomic bool stop = false;
    pthread_t neighbour;
    chain_of(1, 2000, &want);
    assert_int_equal(pthread_create(&neighbour, NULL, burn, &stop), 0);
    for (unsigned threads = 2; threads <= 4; threads++) {
        chain_of(threads, 2000, &got);
        assert_memory_equal(got.from, want.from, sizeof want.from);
    }
    atomic_store(&stop, true);
    pthread_join(neighbour, NULL);
}

// Two callers of one context at once, as two sessions on two threads are: one gets the team.
struct caller {
    struct lte_context *context;
    struct chain chain;
};

static void *chain_thread(void *arg)
{
    struct caller *c = arg;
    for (int i = 0; i < 20; i++) {
        chain_start(&c->chain, 100);
        lte_par_run(c->context->par, run_chain, &c->chain);
    }
    return NULL;
}

static void two_callers_at_once(void **state)
{
    (void)state;
    struct chain want;
    struct caller caller[2];
    struct lte_options options;
    pthread_t other;
    lte_options_init(&options);
    options.threads = 2;
    chain_of(1, 100, &want);
    assert_int_equal(lte_open(&options, &caller[0].context), LTE_OK);
    caller[1].context = caller[0].context;
    assert_int_equal(pthread_create(&other, NULL, chain_thread, &caller[1]), 0);
    chain_thread(&caller[0]);
    pthread_join(other, NULL);
    lte_close(caller[0].context);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(caller[i].chain.from, want.from, sizeof want.from);
}

// A child of fork() has the team without its helpers: it computes alone, and can close the context.
static void a_forked_child_goes_on_alone(void **state)
{
    (void)state;
    struct chain want, got;
    struct lte_options options;
    struct lte_context *context;
    int status = -1;
    lte_options_init(&options);
    options.threads = 3;
    chain_of(1, 100, &want);
    assert_int_equal(lte_open(&options, &context), LTE_OK);
    chain_start(&got, 100);
    lte_par_run(context->par, run_chain, &got);
    const pid_t child = fork();
    if (child == 0) {
        chain_start(&got, 100);
        lte_par_run(context->par, run_chain, &got);
        lte_close(context);
        _exit(memcmp(got.from, want.from, sizeof want.from) ? 1 : 0);
    }
    waitpid(child, &status, 0);
    lte_close(context);
    assert_int_equal(status, 0);
    assert_memory_equal(got.from, want.from, sizeof want.from);
}

static void troubled_threads_are_parked_and_tried_again(void **state)
{
    (void)state;
    struct lte_par_limit limit;
    const uint64_t ms = 1000000;
    uint64_t now = 1000 * ms;
    lte_par_limit_init(&limit, 3);
    assert_false(lte_par_limit_raise(&limit, now));
    lte_par_limit_lower(&limit, now);
    assert_int_equal(atomic_load(&limit.threads), 2);
    assert_false(lte_par_limit_raise(&limit, now + 4 * ms));
    assert_true(lte_par_limit_raise(&limit, now += 5 * ms));
    assert_int_equal(atomic_load(&limit.threads), 3);
    // Trouble again and again: trials become rare, but do not end.
    for (int i = 0; i < 10; i++) {
        lte_par_limit_lower(&limit, now += ms);
        assert_int_equal(atomic_load(&limit.threads), 2);
        assert_true(lte_par_limit_raise(&limit, now += limit.penalty));
    }
    assert_false(lte_par_limit_raise(&limit, now + 1000 * ms)); // all there
    lte_par_limit_lower(&limit, now);
    assert_false(lte_par_limit_raise(&limit, now + 99 * ms));
    assert_true(lte_par_limit_raise(&limit, now + 100 * ms));
    // Trouble after a long quiet time is new trouble.
    lte_par_limit_lower(&limit, now += 2000 * ms);
    assert_true(lte_par_limit_raise(&limit, now + 5 * ms));
    for (int i = 0; i < 9; i++)
        lte_par_limit_lower(&limit, now);
    assert_int_equal(atomic_load(&limit.threads), 1); // the leader stays
}

static void threads_default_to_the_cores(void **state)
{
    (void)state;
    assert_in_range(lte_par_threads(0), 1, 1 << 20);
    assert_int_equal(lte_par_threads(3), 3);
}

#ifdef __linux__
// A folder as Linux keeps it for a mixed machine: one core at full capacity, the others at `other`.
static void write_capacities(const char *folder, int cpus, int full, const char *other)
{
    char path[256];
    for (int cpu = 0; cpu < cpus; cpu++) {
        snprintf(path, sizeof path, "%s/cpu%d", folder, cpu);
        assert_int_equal(mkdir(path, 0700), 0);
        strcat(path, "/cpu_capacity");
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(cpu == full ? "1024\n" : other, file);
        fclose(file);
    }
}

static void remove_capacities(const char *folder, int cpus)
{
    char path[256];
    for (int cpu = 0; cpu < cpus; cpu++) {
        snprintf(path, sizeof path, "%s/cpu%d/cpu_capacity", folder, cpu);
        unlink(path);
        snprintf(path, sizeof path, "%s/cpu%d", folder, cpu);
        rmdir(path);
    }
    rmdir(folder);
}

static unsigned big_cores_with(const char *other)
{
    char folder[] = "test_par_XXXXXX";
    const int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
    assert_non_null(mkdtemp(folder));
    write_capacities(folder, cpus, sched_getcpu(), other);
    const unsigned big = lte_cores_big(folder);
    remove_capacities(folder, cpus);
    return big;
}

static void little_cores_are_left_out(void **state)
{
    (void)state;
    const unsigned all = lte_cores_big("/nonexistent"); // no capacities: a uniform machine
    assert_in_range(all, 1, 1 << 20);
    assert_int_equal(big_cores_with("1024\n"), all);
    assert_int_equal(big_cores_with("870\n"), all); // middle cores stay
    assert_int_equal(big_cores_with("446\n"), 1);
    if (all > 1)
        assert_int_equal(big_cores_with("none\n"), all); // unreadable
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_runs_once),
        cmocka_unit_test(more_threads_than_cores),
        cmocka_unit_test(results_do_not_depend_on_threads),
        cmocka_unit_test(many_short_lives),
        cmocka_unit_test(thread_ids_index_scratch),
        cmocka_unit_test(a_busy_neighbour_does_no_harm),
        cmocka_unit_test(two_callers_at_once),
        cmocka_unit_test(a_forked_child_goes_on_alone),
        cmocka_unit_test(troubled_threads_are_parked_and_tried_again),
        cmocka_unit_test(threads_default_to_the_cores),
#ifdef __linux__
        cmocka_unit_test(little_cores_are_left_out),
#endif
    };
    return cmocka_run_group_tests_name("par", tests, NULL, NULL);
}
