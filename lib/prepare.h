// SPDX-License-Identifier: BSD-2-Clause
// Small weights brought to aligned fp32 in the order that kernels read. A form is a way of doing
// so, and of taking a gradient back: training changes the weights under a graph, and learns what
// the prepared ones should have been. Matrices stay as they lie in the file.
#ifndef LTE_LIB_PREPARE_H
#define LTE_LIB_PREPARE_H

#include "lib/safetensors.h"

struct lte_kernels;

enum { LTE_PREPARED_TENSORS = 3 };

struct lte_prepared {
    struct lte_prepared *next;
    size_t size;                        // of the whole block
    const struct lte_prepared_form *form; // NULL: not made from weights
    const struct lte_tensor *tensor[LTE_PREPARED_TENSORS];
    size_t tensors, groups;
    size_t floats;                      // of data
    float *data;
};

struct lte_prepared_form {
    // tensor[i] widened to raw[i] -> data
    void (*fill)(const struct lte_prepared *prepared, const float *const *raw);
    // the gradient of data -> added to that of tensor[i], where that is not NULL
    void (*pull)(const struct lte_prepared *prepared, const float *gradient, float *const *to);
    bool repeats;                       // data holds every element `groups` times
};

// Makes data anew after the tensors, all F32 and aligned, have changed.
void lte_prepared_refresh(const struct lte_prepared *prepared);

void lte_prepared_free(const struct lte_context *context, struct lte_prepared *prepared);

#endif
