// SPDX-License-Identifier: BSD-2-Clause
// The weights under training: fp32 masters, what the graph reads of them, and their gradients.
#ifndef LTE_LIB_TRAIN_PARAMETERS_H
#define LTE_LIB_TRAIN_PARAMETERS_H

#include "lib/weights.h"

struct lte_parameter {
    struct lte_weight weight;   // name, shape, how it is drawn
    struct lte_tensor tensor;   // what the model is bound to: the master, or its bf16 copy
    size_t first;               // index of its first element in the arrays below
    bool decays;                // takes part in weight decay
    bool router;                // of a retention scorer: frozen for the first steps
};

struct lte_parameters {
    const struct lte_context *context;
    size_t count;
    struct lte_parameter *parameter; // [count]
    size_t elements;            // of all parameters
    float *master, *gradient;   // [elements]
    float *moment1, *moment2;   // [elements] of AdamW
};

#endif
