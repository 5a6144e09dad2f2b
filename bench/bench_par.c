// SPDX-License-Identifier: BSD-2-Clause
// The cost of handing out a loop, and a decode-like chain of short loops with and without a busy
// neighbour: several threads beside a neighbour must not be slower than one thread beside it.
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "lib/par.h"

// A token of a small model: a chain of loops of ITEMS parts each, with a serial stretch as long as
// one part between two loops.
enum { LOOPS = 200, ITEMS = 8 };
struct token {
    struct lte_par *team; // NULL: one thread
    unsigned turns;       // of the loop below, per item
    float sink[ITEMS][16];
};

static void work(float *x, unsigned turns)
{
    float a = x[0];
    for (unsigned i = 0; i < turns; i++)
        a = a * 0.999f + 1e-3f; // one dependent chain, in registers
    x[0] = a;
}

static void work_item(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct token *t = arg;
    work(t->sink[item], t->turns);
}

static void chain(struct lte_par *team, void *arg)
{
    struct token *t = arg;
    for (int i = 0; i < LOOPS; i++) {
        lte_par_for(team, ITEMS, work_item, t);
        work(t->sink[0], t->turns);
    }
}

static void run_token(void *arg)
{
    struct token *t = arg;
    lte_par_run(t->team, chain, t);
}

static double turns_per_us(void)
{
    enum { TURNS = 10000000 };
    float x = 0;
    const double start = bench_now();
    work(&x, TURNS);
    const double took = bench_now() - start;
    return x > 0 ? TURNS / took * 1e-6 : 0;
}

static void nothing(void *arg, size_t item, unsigned thread)
{
    (void)arg, (void)item, (void)thread;
}

struct empty {
    struct lte_par *team;
    size_t items;
};

static void run_empty_loop(void *arg)
{
    struct empty *e = arg;
    lte_par_for(e->team, e->items, nothing, NULL);
}

static void print(const char *op, const char *shape, unsigned threads, double seconds)
{
    bench_print(&(struct bench_row){.op = op, .shape = shape, .isa = "-", .threads = threads,
                                    .seconds = seconds});
}

static void time_empty_loops(struct lte_par *team, void *arg)
{
    (void)arg;
    for (size_t items = 2; items <= 32; items *= 4) {
        char shape[32];
        snprintf(shape, sizeof shape, "%zu items", items);
        struct empty e = {team, items};
        struct bench_task task = {run_empty_loop, &e, 0};
        bench_time(&task, 1);
        print("empty_loop", shape, lte_par_size(team), task.seconds);
    }
}

static void run_nothing(struct lte_par *team, void *arg)
{
    (void)team, (void)arg;
}

static void run_empty(void *arg)
{
    lte_par_run(arg, run_nothing, NULL);
}

static void time_empty_run(const struct lte_context *context)
{
    struct bench_task task = {run_empty, context->par, 0};
    bench_time(&task, 1);
    print("empty_run", "", context->threads, task.seconds);
}

static pid_t start_neighbour(void)
{
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (volatile unsigned long i = 1; i % (1ul << 24) || getppid() == parent; i++)
            ;
        _exit(0);
    }
    return child;
}

static void stop_neighbour(pid_t child)
{
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

// One thread and all of them, in turn.
static void time_tokens(const struct lte_context *context, double loop_us, bool busy)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%d loops of %.0f us%s", LOOPS, loop_us, busy ? ", busy" : "");
    if (!bench_wanted("token", shape))
        return;
    const unsigned turns = (unsigned)(loop_us * turns_per_us() / ITEMS);
    struct token one = {.turns = turns}, more = {.team = context->par, .turns = turns};
    struct bench_task task[] = {{run_token, &one, 0}, {run_token, &more, 0}};
    const pid_t neighbour = busy ? start_neighbour() : 0;
    bench_time(task, 2);
    stop_neighbour(neighbour);
    print("token", shape, 1, task[0].seconds);
    print("token", shape, context->threads, task[1].seconds);
}

int main(int argc, char **argv)
{
    bench_begin(argc, argv, "Parallel loops: hand-off, and a chain of loops beside a busy process.",
                NULL);
    struct lte_context *context = bench_open();
    bench_title("Parallel loops (ns per loop, run or token)");
    if (bench_wanted("empty_loop", ""))
        lte_par_run(context->par, time_empty_loops, NULL);
    if (bench_wanted("empty_run", ""))
        time_empty_run(context);
    static const double loop_us[] = {20, 50};
    for (int i = 0; i < 2; i++)
        for (int busy = 0; busy < 2; busy++)
            time_tokens(context, loop_us[i], busy);
    lte_close(context);
    return 0;
}
