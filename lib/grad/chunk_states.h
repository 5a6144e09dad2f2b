// SPDX-License-Identifier: BSD-2-Clause
// How rules with a state per value head are trained. Forwards keeps each head's state at the entry
// of every chunk of tokens, and nothing else; backwards goes over the chunks from the last to the
// first.
#ifndef LTE_LIB_GRAD_CHUNK_STATES_H
#define LTE_LIB_GRAD_CHUNK_STATES_H

#include "lib/grad/grad.h"

struct lte_chunk_rule {
    size_t tokens;               // of a chunk
    size_t heads, value_heads;   // value_heads % heads == 0: they share the gradients of q and k
    size_t key_dim, value_dim;
    size_t scratch;              // bytes of the kernel's scratch backwards
};

// A chunk of one value head: rows [row, row + rows). Forwards, columns [column, column + columns)
// of its state are to be taken from the entry to the exit, in place; backwards all of them, `state`
// being the entry's and `dstate` the gradient of the exit, to become that of the entry.
struct lte_chunk {
    size_t row, rows, value_head, column, columns;
    float *state, *dstate, *scratch; // dstate, scratch: backwards
};
typedef void lte_chunk_fn(void *arg, const struct lte_chunk *chunk);

size_t lte_chunk_saved(const struct lte_chunk_rule *rule, const struct lte_tape_limits *limits);
size_t lte_chunk_scratch(const struct lte_chunk_rule *rule); // of each thread
// fn for all chunks, in parallel over segments and heads; it adds to gradients that no other item
// of the loop touches.
void lte_chunk_forward(struct lte_tape *tape, const struct lte_op *op,
                       const struct lte_chunk_rule *rule, lte_chunk_fn *fn, void *arg);
void lte_chunk_backward(struct lte_tape *tape, const struct lte_op *op,
                        const struct lte_chunk_rule *rule, lte_chunk_fn *fn, void *arg);

#endif
