// SPDX-License-Identifier: BSD-2-Clause
// The flat array of ops that a model is, built once per model.
#ifndef LTE_LIB_GRAPH_H
#define LTE_LIB_GRAPH_H

#include "lib/model.h"
#include "lib/op.h"
#include "lib/prepare.h"

struct lte_graph {
    struct lte_op *op;
    size_t ops, op_capacity;
    size_t head;              // ops from here on run only for the positions whose logits are wanted
    size_t *exit;             // [exits + 1]: where the ops of a loop's logits begin; the last: ops
    size_t exits;             // loops whose logits the head makes, the last loop's last
    lte_value exit_logits;    // of leaving after each loop, made by the ops before exit[0] for a
                              // loss that asks; or LTE_NO_VALUE
    size_t aligned;           // ops that align
    size_t *width;            // columns of each value
    size_t values, value_capacity;
    uint32_t slots;           // loops * layers
    size_t vocabulary;        // columns of the logits
    lte_value *layer_output;  // [slots + 1]: the residual stream; [0] is the embedding
    struct lte_prepared *prepared; // weights brought to the form that kernels read
    uint64_t prepared_bytes;
};

// To be run backwards, a graph keeps every value: no op works in place.
enum lte_graph_use { LTE_GRAPH_INFERENCE, LTE_GRAPH_TRAINING };

// What else a graph for training can be.
struct lte_graph_spec {
    const struct lte_model *model;
    bool exits;               // a head after every loop, instead of the last alone
    bool frozen;              // only run forwards, but for the gate of leaving
    const struct lte_model *student; // not NULL: no head; the model is only run forwards, and where a
                              // layer of the student has another mixer that runs beside, aligned
};

// On success the caller owns *graph; on failure it is NULL. LTE_OK, LTE_ERR_MEMORY,
// LTE_ERR_UNSUPPORTED.
enum lte_status lte_graph_build(const struct lte_model *model, enum lte_graph_use use,
                                struct lte_graph **graph);
enum lte_status lte_graph_build_training(const struct lte_graph_spec *spec, struct lte_graph **graph);
void lte_graph_free(const struct lte_context *context, struct lte_graph *graph); // NULL is allowed

#endif
