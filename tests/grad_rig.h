// SPDX-License-Identifier: BSD-2-Clause
// Rig of the gradient tests: runs one op forwards and backwards on a tape made by hand, and
// compares with central differences of the same mathematics in double.
//
// A case says what the op is given; a test fills it in, beginning with {0}:
//
//     struct grad_case c = {.context = context, .op = {...}, .inputs = 1, .outputs = 1,
//                           .width = {8, 8}, .segment = (const size_t[]){5, 2}, .segments = 2};
//     c.in[0] = ...; c.out_gradient[0] = ...;
//     grad_check(&c, forward_in_double, 1e-5, "silu");
//     grad_free(&c);
#ifndef LTE_TESTS_GRAD_RIG_H
#define LTE_TESTS_GRAD_RIG_H

#include "lib/grad/grad.h"
#include "tests/check.h"

enum { GRAD_INPUTS = 4, GRAD_OUTPUTS = 6, GRAD_VALUES = 8, GRAD_WEIGHTS = 20 };

// A piece of weights, as the op holds it.
struct grad_weight {
    const void *data;
    size_t floats;                         // elements
    float *gradient;                       // result, in the same shape
    enum lte_dtype type;                   // 0: fp32
};

struct grad_case {
    struct lte_context *context;       // gives kernels and allocator; the rig has its own threads
    struct lte_op op;                  // values 0..inputs-1 are its inputs, inputs.. its outputs
    size_t inputs, outputs, width[GRAD_VALUES];
    const size_t *segment;             // [segments] rows of each
    size_t segments;
    const uint32_t *tokens;            // [rows], for embed
    float *in[GRAD_INPUTS];            // [rows][width]
    float *out_gradient[GRAD_OUTPUTS]; // [rows][width], given
    size_t weights;
    struct grad_weight weight[GRAD_WEIGHTS];
    struct lte_budget *budget;
    struct lte_index_loss *index;
    uint64_t dropout_key;
    size_t row_block;                  // 0: all rows at once; else blocks of so many, as the head
    // Added to sum(out * out_gradient) as the loss; NULL: nothing.
    double (*extra_loss)(const struct grad_case *c, double *const *out);
    // Results of the last run, allocated by the rig; in_gradient is NULL for inputs without one.
    float *out[GRAD_OUTPUTS], *in_gradient[GRAD_INPUTS];
};

// The op's outputs in double: in[i] and out[i] are [rows][width], weight[i] as c->weight[i]. It
// must write all of out.
typedef void grad_forward_fn(const struct grad_case *c, double *const *in, double *const *weight,
                             double *const *out);

// How to run: the gradients of inputs and weights start from `start`, weight i is frozen if bit i
// of `frozen` is set.
struct grad_run {
    unsigned threads;
    float start;
    uint32_t frozen;
};

// One forward and backward. Values that the op does not say it reads are destroyed in between.
// False, with a note, if there is no memory or no gradient, or if something was written that was
// not the op's.
bool grad_run(struct grad_case *c, const struct grad_run *run);

// TAP lines: forward agrees; every element's gradient agrees, within `tolerance` of the largest of
// its tensor; 1 and 2 threads give the same bits; gradients are added to what is there; frozen
// weights stay and change nothing else. Leaves the results of a plain run in c.
bool grad_check(struct grad_case *c, grad_forward_fn *forward, double tolerance, const char *name);

size_t grad_rows(const struct grad_case *c);
// n floats from malloc, normal times `scale`.
float *grad_normal(size_t n, float scale);
void grad_free(struct grad_case *c); // the results; inputs and weights stay the caller's

#endif
