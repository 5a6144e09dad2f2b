// SPDX-License-Identifier: BSD-2-Clause
// Results of an evaluation, each with a 95 % confidence interval, as a table or as JSON.
#ifndef LTE_TOOLS_EVAL_RESULT_H
#define LTE_TOOLS_EVAL_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result {
    char name[96];
    const char *measure; // "accuracy" or "perplexity"
    double value, low, high;
    uint64_t count;      // samples
};

struct results {
    struct result *result;
    size_t count, capacity;
};

// `hits` of `count` samples were right: Wilson's interval, which stays within 0..1 and does not
// shrink to nothing when all are. False after a message.
bool results_proportion(struct results *results, const char *name, uint64_t hits, uint64_t count);
// The exponential of a mean of `count` values, of which the sums of values and of squares are
// given: the interval is that of the mean.
bool results_exponential(struct results *results, const char *name, double sum, double squares,
                         uint64_t count);
// To standard output; `state_bytes` is what the sequences' states took.
void results_table(const struct results *results, uint64_t state_bytes);
bool results_json(const struct results *results, const char *task, const char *model,
                  uint64_t state_bytes);
void results_end(struct results *results);

#endif
