// SPDX-License-Identifier: BSD-2-Clause
// Every kernel against the limit that holds for it: arithmetic, or the bandwidth of the level of
// memory that its data lie in.
#include "config.h"

#include <stdlib.h>

#include "bench/cases.h"

enum { MAX_CASES = 8 };

struct call {
    const struct suite *suite;
    const struct bench_case *c;
};

static void call_once(void *arg)
{
    const struct call *call = arg;
    const struct bench_case *c = call->c;
    if (c->next)
        c->next(c->arg);
    lte_par_for(call->suite->team, c->items, c->fn, c->arg);
}

void suite_run(const struct suite *suite, const struct bench_case *bench_case, size_t cases)
{
    struct call call[MAX_CASES];
    struct bench_task task[MAX_CASES];
    if (cases > MAX_CASES)
        abort();
    for (size_t i = 0; i < cases; i++) {
        call[i] = (struct call){suite, &bench_case[i]};
        task[i] = (struct bench_task){call_once, &call[i], 0};
    }
    const double height = roof_time(suite->team, suite->kernels->name, bench_case->roof, task, cases);
    const bool both = bench_case->roof > ROOF_FMA && bench_case->bytes > 0 && bench_case->flops > 0;
    const double fma =
        both ? roof_time(suite->team, suite->kernels->name, ROOF_FMA, NULL, 0) : 0;
    for (size_t i = 0; i < cases; i++) {
        const struct bench_case *c = &bench_case[i];
        struct bench_row row = {.op = c->op, .shape = c->shape,
                                .isa = c->isa ? c->isa : suite->kernels->name,
                                .seconds = task[i].seconds, .tokens = c->tokens,
                                .flops = c->flops, .bytes = c->bytes};
        row.threads = lte_par_size(suite->team);
        roof_set(&row, c->roof, height);
        if (fma > 0 && c->flops / fma > c->bytes / height) {
            row.roof_gbs = 0;
            roof_set(&row, ROOF_FMA, fma);
        }
        bench_print(&row);
    }
}

static void print_roofs(const struct suite *suite)
{
    const char *isa = suite->kernels->name;
    for (int r = ROOF_FMA; r <= ROOF_UPDATE_RAM; r++) {
        if (!bench_wanted("roof", roof_name((enum roof)r)))
            continue;
        const double height = roof_time(suite->team, isa, (enum roof)r, NULL, 0);
        struct bench_row row = {.op = "roof", .shape = roof_name((enum roof)r), .isa = isa,
                                .threads = lte_par_size(suite->team), .seconds = 1, .tokens = -1};
        if (r == ROOF_FMA)
            row.flops = height * 1e9;
        else
            row.bytes = height * 1e9;
        bench_print(&row);
    }
}

static void run_all(struct lte_par *team, void *arg)
{
    const struct lte_context *context = arg;
    const struct suite suite = {team, &context->kernels};
    // Alone, a thread never waits: its own time leaves out what neighbours take of the core.
    bench_cpu_time(lte_par_size(team) == 1);
    bench_title("Kernels");
    print_roofs(&suite);
    cases_delta(&suite);
    cases_delta_grad(&suite);
    cases_diag(&suite);
    cases_train(&suite);
    cases_linear(&suite);
    cases_rows(&suite);
    cases_backward(&suite);
    cases_attend(&suite);
    cases_attend_grad(&suite);
    cases_router(&suite);
    cases_sparse(&suite);
    bench_free_all();
}

int main(int argc, char **argv)
{
    bench_begin(argc, argv, "Every kernel, and the share of the machine's limit that it reaches.",
                NULL);
    struct lte_context *context = bench_open();
    lte_par_run(context->par, run_all, context);
    lte_close(context);
    return 0;
}
