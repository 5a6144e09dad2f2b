// SPDX-License-Identifier: BSD-2-Clause
// The optimizer: AdamW over all parameters.
#ifndef LTE_LIB_TRAIN_ADAMW_H
#define LTE_LIB_TRAIN_ADAMW_H

#include "lib/par.h"
#include "lib/train/parameters.h"
#include "lte/train.h"

struct lte_adamw {
    const struct lte_train_options *options; // betas, epsilons, weight decay, the routers' rate
    double rate;             // learning rate of this step
    float gradient_scale;    // what gradients are multiplied by first: lte_clip_factor()
    // Updates that the moments have seen, this one included. Those of routers see none while they
    // are frozen, and so have a count of their own.
    uint64_t updates, router_updates;
};

// One update of the masters and moments from the gradients. Frozen routers are left as they are,
// their moments too. Called inside lte_par_run(). The copies that the graph reads are brought up to
// date by lte_parameters_publish().
void lte_adamw_update(struct lte_par *par, const struct lte_parameters *parameters,
                      const struct lte_adamw *adamw);

#endif
