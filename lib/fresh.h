// SPDX-License-Identifier: BSD-2-Clause
// Fresh weights drawn and written piece by piece, so that none need be held whole.
#ifndef LTE_LIB_FRESH_H
#define LTE_LIB_FRESH_H

#include "lib/par.h"
#include "lib/safetensors_write.h"
#include "lib/weights.h"

struct lte_fresh {
    const struct lte_context *context;
    uint64_t seed;
    float *values;               // of one piece, and the same narrowed
    unsigned char *bytes;
    // the piece being drawn
    const struct lte_weight *weight;
    uint64_t key, first, end;
};

enum lte_status lte_fresh_begin(const struct lte_context *context, uint64_t seed,
                                struct lte_fresh *fresh);
void lte_fresh_end(struct lte_fresh *fresh); // also after a failure
// The whole weight in `type`. Called inside lte_par_run(); the bits depend on the seed and the
// weight's name alone.
enum lte_status lte_fresh_put(struct lte_fresh *fresh, struct lte_par *team,
                              const struct lte_weight *weight, enum lte_dtype type,
                              struct lte_writer *writer);

#endif
