// SPDX-License-Identifier: BSD-2-Clause
// Recorded answers of a checkpoint: tensors named caseN.what[.layer] in a safetensors file.
#ifndef LTE_TESTS_ANSWERS_H
#define LTE_TESTS_ANSWERS_H

#include "lib/safetensors.h"
#include "tests/inside.h"

struct answers {
    struct lte_tensors *tensors;
    int n; // the case looked at
};

struct answers answers_open(const struct lte_context *context, const char *relative);
// caseN.what or, with index >= 0, caseN.what.index; NULL if it was not recorded.
const struct lte_tensor *answers_find(const struct answers *a, const char *what, int index);
// Copies that the caller frees; *count may be NULL.
float *answers_floats(const struct answers *a, const char *what, int index, size_t *count);
uint32_t *answers_ids(const struct answers *a, const char *what, size_t *count);

// Largest error within tolerance, relative to the largest value; says so if not.
bool answers_near(const struct answers *a, const char *what, int index, const float *got,
                  const float *wanted, size_t count, double tolerance);
// Delta-rule states and the tokens that the newest query sees, after the prompt of `tokens`.
bool answers_states(const struct answers *a, const struct lte_session *session, size_t tokens);
// Continues greedily from logits[vocabulary], which are overwritten.
bool answers_greedy(const struct answers *a, struct lte_session *session, float *logits);

size_t answers_argmax(const float *x, size_t n);

#endif
