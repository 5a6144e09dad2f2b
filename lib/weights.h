// SPDX-License-Identifier: BSD-2-Clause
// The walk over the weights that a model's checkpoint holds: names, shapes and how fresh ones are
// drawn. Loading, counting and initialising are three visitors of the same walk.
#ifndef LTE_LIB_WEIGHTS_H
#define LTE_LIB_WEIGHTS_H

#include "lib/model.h"

enum lte_init_rule {
    LTE_INIT_CONSTANT, // value
    LTE_INIT_NORMAL,   // mean 0, standard deviation `value`
    LTE_INIT_UNIFORM,  // -value..value
    LTE_INIT_A_LOG,    // log A, A uniform in value..high
    LTE_INIT_DT_BIAS   // inverse softplus of a step whose log is uniform in value..high, of at least floor
};
struct lte_init {
    enum lte_init_rule rule;
    double value, high, floor;
};

// Element `index` of a weight whose stream is `key` (lib/random.h).
double lte_init_draw(const struct lte_init *init, uint64_t key, uint64_t index);

enum { LTE_WEIGHT_NAME = 128, LTE_WEIGHT_DIMS = 4 };

struct lte_weight {
    char name[LTE_WEIGHT_NAME];
    unsigned dims;
    uint64_t shape[LTE_WEIGHT_DIMS];
    uint64_t elements;
    struct lte_init init;
    const struct lte_tensor **slot;        // where the model keeps it; NULL: a saved buffer
    const struct lte_tensor *const *twin;  // not NULL: may be absent, and then is the same as this
    bool scale;                            // numbers that scale or shift a channel or head:
                                           // prepared from fp32, and nothing that should decay
    bool router;                           // of a retention scorer
    bool indexer;                          // of what selects tokens in sparse attention
};

typedef enum lte_status lte_weight_fn(void *arg, const struct lte_weight *weight);

// One walk. Errors stick, as in lib/model_config.h.
struct lte_walk {
    struct lte_model *model;
    lte_weight_fn *fn;
    void *arg;
    enum lte_status status;
    char prefix[64];                       // what the names begin with
    // for the weights that follow
    const struct lte_tensor *const *twin;
    bool scale, router, indexer;           // vectors are scales in any case
};

enum lte_status lte_model_walk(struct lte_model *model, lte_weight_fn *fn, void *arg);

// Whether a tensor can be the weight: its shape, and a float type.
enum lte_status lte_weight_check(const struct lte_context *context, const struct lte_weight *weight,
                                 const struct lte_tensor *tensor);

// For families: one weight named prefix + suffix. SHAPE(rows, columns) gives dims and sizes.
#define LTE_SHAPE(...)                                                  \
    (unsigned)(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)), \
        (const uint64_t[]){__VA_ARGS__}
void lte_walk_weight(struct lte_walk *walk, const struct lte_tensor **slot, const char *suffix,
                     struct lte_init init, unsigned dims, const uint64_t *shape);
// A buffer that trainers save beside the weights; it may be absent.
void lte_walk_buffer(struct lte_walk *walk, const char *suffix, unsigned dims,
                     const uint64_t *shape);
void lte_walk_prefix(struct lte_walk *walk, const char *format, ...) LTE_PRINTF(2, 3);

#endif
