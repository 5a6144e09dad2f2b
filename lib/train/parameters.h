// SPDX-License-Identifier: BSD-2-Clause
// The weights under training: fp32 masters, what the graph reads of them, and their gradients.
#ifndef LTE_LIB_TRAIN_PARAMETERS_H
#define LTE_LIB_TRAIN_PARAMETERS_H

#include "lib/grad/grad.h"
#include "lib/weights.h"

struct lte_parameter {
    struct lte_weight weight;   // name, shape, how it is drawn
    struct lte_tensor tensor;   // what the model is bound to: the master, or its bf16 copy
    size_t first;               // index of its first element in the arrays below; a multiple of 16
    bool decays;                // takes part in weight decay
    bool router;                // of a retention scorer, which may be frozen for the first steps
    bool indexer;               // of an indexer, which may be all that learns
    bool frozen;                // stays as it is; set before lte_parameters_attach()
    bool slow;                  // learns at a rate of its own
};

struct lte_parameters {
    const struct lte_context *context;
    size_t count;
    struct lte_parameter *parameter; // [count]
    size_t elements;            // of the arrays; between parameters there may be zeros
    float *master, *gradient;   // [elements]
    float *moment1, *moment2;   // [elements] of AdamW
    uint16_t *copy;             // [elements] bf16, or NULL: the forward pass reads the masters
    // prepared weights of the graph, their gradients, and where an op finds what
    const struct lte_graph *graph;
    size_t prepared_floats, ranges;
    float *prepared_gradient;   // [prepared_floats]
    struct lte_weight_range *range; // [ranges]
    bool router_frozen;
    bool index_only, index_frozen; // all but indexers are frozen; indexers are
};

static inline bool lte_parameter_frozen(const struct lte_parameters *p, const struct lte_parameter *q)
{
    return q->frozen || (p->router_frozen && q->router) ||
           (q->indexer ? p->index_frozen : p->index_only);
}

// Collects the weights of a configured model and binds it to them; all are zero. `decay_all`:
// norms, biases, A_log and dt_bias decay too. On failure *parameters is empty.
enum lte_status lte_parameters_init(struct lte_parameters *parameters, struct lte_model *model,
                                    enum lte_dtype weights, bool decay_all);
void lte_parameters_end(struct lte_parameters *parameters); // also of a zeroed one

// Fresh values: the bits that lte_model_init() writes in fp32 for this seed.
void lte_parameters_draw(struct lte_parameters *parameters, uint64_t seed);
// Values from a checkpoint; only retention scorers and indexers may be missing, and stay as they
// are.
enum lte_status lte_parameters_load(struct lte_parameters *parameters, const struct lte_model *model,
                                    const struct lte_tensors *tensors, const char *name);

// The ranges for tapes over `graph`, a training graph of the bound model. What is frozen for good
// has been set before.
enum lte_status lte_parameters_attach(struct lte_parameters *parameters,
                                      const struct lte_graph *graph);
// After the masters have changed: the bf16 copies, and what a graph has prepared from them.
void lte_parameters_publish(struct lte_parameters *parameters, const struct lte_graph *const *graph,
                            size_t graphs);

void lte_parameters_freeze_router(struct lte_parameters *parameters, bool frozen);
// Before the first micro-batch of a step, and after its last: gradients of prepared weights are
// carried to the weights they were made from.
void lte_parameters_clear_gradients(struct lte_parameters *parameters);
void lte_parameters_collect_gradients(struct lte_parameters *parameters);

#endif
