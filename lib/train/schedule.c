// SPDX-License-Identifier: BSD-2-Clause
// Warm-up and cosine.
#include "config.h"

#include "lib/train/schedule.h"

#include <math.h>

double lte_schedule_rate(const struct lte_train_options *o, uint64_t step)
{
    const double pi = 3.14159265358979323846, least = o->final_rate;
    if (step < o->warmup_steps)
        return o->learning_rate * ((double)(step + 1) / (double)o->warmup_steps);
    if (step == o->warmup_steps)
        return o->learning_rate;
    if (step >= o->steps)
        return o->learning_rate * least;
    const double done = (double)(step - o->warmup_steps) / (double)(o->steps - o->warmup_steps);
    return o->learning_rate * (least + (1 - least) * 0.5 * (1 + cos(pi * done)));
}
