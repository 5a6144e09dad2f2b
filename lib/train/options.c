// SPDX-License-Identifier: BSD-2-Clause
// Options of a training run: defaults, and what is not allowed.
#include "config.h"

#include "lib/train/options.h"

void lte_train_options_init(struct lte_train_options *options)
{
    if (!options)
        return;
    *options = (struct lte_train_options){
        .steps = 1000,
        .rows = 4096,
        .segments = 64,
        .micro_batches = 1,
        .learning_rate = 3e-4,
        .final_rate = 0.1,
        .warmup_steps = 100,
        .weight_decay = 0.1,
        .beta1 = 0.9,
        .beta2 = 0.95,
        .epsilon = 1e-8,
        .router_rate = 1,
        .index_weight = 1,
        .clip = 1,
        .weights = LTE_DTYPE_F32,
        .exit_entropy = 0.1,
        .every_loop = 0.2,
        .temperature = 1,
        .rest_rate = 0.07,
    };
}

struct bound {
    const char *name;
    double value, low, high;
};

enum lte_status lte_train_options_check(const struct lte_context *context,
                                        const struct lte_train_options *o)
{
    const struct bound bound[] = {
        {"steps", (double)o->steps, 1, 1e15},
        {"rows", o->rows, 1, 1 << 24},
        {"segments", o->segments, 1, o->rows},
        {"longest", o->longest, 0, o->rows},
        {"micro_batches", o->micro_batches, 1, 1 << 20},
        {"learning_rate", o->learning_rate, 0, 1e3},
        {"final_rate", o->final_rate, 0, 1},
        {"warmup_steps", (double)o->warmup_steps, 0, 1e15},
        {"weight_decay", o->weight_decay, 0, 1e3},
        {"beta1", o->beta1, 0, 0.999999999},
        {"beta2", o->beta2, 0, 0.999999999},
        {"epsilon", o->epsilon, 0, 1},
        {"router_rate", o->router_rate, 0, 1e3},
        {"router_epsilon", o->router_epsilon, 0, 1e3},
        {"router_steps", (double)o->router_steps, 0, 1e15},
        {"index_weight", o->index_weight, 0, 1e6},
        {"index_dense_steps", (double)o->index_dense_steps, 0, 1e15},
        {"clip", o->clip, 0, 1e30},
        {"objective", (double)o->objective, 0, LTE_OBJECTIVE_DISTILL},
        {"exit_entropy", o->exit_entropy, 0, 1e3},
        {"every_loop", o->every_loop, 0, 1},
        {"temperature", o->temperature, 1e-3, 1e3},
        {"rest_rate", o->rest_rate, 0, 1e3},
    };
    for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++)
        if (!(bound[i].value >= bound[i].low && bound[i].value <= bound[i].high)) // NaN too
            return lte_fail(context, LTE_ERR_ARGUMENT, "training: %s is %g, not within %g..%g",
                            bound[i].name, bound[i].value, bound[i].low, bound[i].high);
    const bool taught = o->objective == LTE_OBJECTIVE_ALIGN || o->objective == LTE_OBJECTIVE_DISTILL;
    if (taught != (o->teacher != NULL))
        return lte_fail(context, LTE_ERR_ARGUMENT, "training: %s",
                        taught ? "there is no teacher to learn from"
                               : "a teacher is given, but nothing is learnt from it");
    if (o->weights != LTE_DTYPE_F32 && o->weights != LTE_DTYPE_BF16)
        return lte_fail(context, LTE_ERR_ARGUMENT, "training: weights may be F32 or BF16");
    return LTE_OK;
}
