// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "lib/par.h"

struct lte_par {
    unsigned threads;
};

unsigned lte_par_threads(unsigned asked)
{
    return asked ? asked : 1;
}

void lte_par_run(unsigned threads, void (*fn)(struct lte_par *team, void *arg), void *arg)
{
    (void)threads;
    struct lte_par team = {1};
    fn(&team, arg);
}

void lte_par_for(struct lte_par *team, size_t items, lte_par_fn *fn, void *arg)
{
    (void)team;
    for (size_t i = 0; i < items; i++)
        fn(arg, i, 0);
}

unsigned lte_par_size(const struct lte_par *team)
{
    return team->threads;
}
