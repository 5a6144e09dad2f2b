// SPDX-License-Identifier: BSD-2-Clause
// One number of a fresh weight, by the rule of its kind.
#include "config.h"

#include "lib/random.h"
#include "lib/weights.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF // as in lib/random.c: the same bits everywhere
#endif

double lte_init_draw(const struct lte_init *init, uint64_t key, uint64_t index)
{
    switch (init->rule) {
    case LTE_INIT_NORMAL:
        return init->value * lte_random_normal(key, index);
    case LTE_INIT_UNIFORM:
        return init->value * (2 * lte_random_uniform(key, index) - 1);
    case LTE_INIT_A_LOG:
        return lte_exact_log(init->value + (init->high - init->value) * lte_random_uniform(key, index));
    case LTE_INIT_DT_BIAS: {
        const double u = lte_random_uniform(key, index);
        double step = lte_exact_exp(u * (init->high - init->value) + init->value);
        step = step < init->floor ? init->floor : step;
        // softplus of it is the step again
        return lte_exact_log(step < 0.2 ? lte_exact_expm1(step) : lte_exact_exp(step) - 1);
    }
    default:
        return init->value;
    }
}
