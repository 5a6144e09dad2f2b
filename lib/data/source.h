// SPDX-License-Identifier: BSD-2-Clause
// What every source of training data is made of. A kind of source puts numbered items (a sequence
// of a task, a piece of a text) into a micro-batch; which numbers those are follows from step and
// micro.
#ifndef LTE_LIB_DATA_SOURCE_H
#define LTE_LIB_DATA_SOURCE_H

#include "lib/context.h"
#include "lte/data.h"

// A micro-batch being filled.
struct lte_fill {
    struct lte_batch *batch;
    size_t rows, segments; // so far
    size_t limit;          // of rows
    bool full;             // the last item found no room
};

// Whether `rows` more fit; if not, the micro-batch is full.
bool lte_fill_room(struct lte_fill *fill, size_t rows);
// Ends a sequence of `rows` rows, which lie behind those that the batch had.
void lte_fill_segment(struct lte_fill *fill, size_t rows);

struct lte_data_kind {
    const char *name;
    // Adds item `number` unless it finds no room. A pure function of the source and the number;
    // `step` is for sources that hand over to others.
    enum lte_status (*put)(struct lte_data *data, uint64_t step, uint64_t number,
                           struct lte_fill *fill);
    // The source whose micro-batch that of `step` and `micro` is; NULL: this one.
    struct lte_data *(*pick)(struct lte_data *data, uint64_t step, uint32_t micro);
    // Frees what the source holds; NULL: nothing.
    void (*free)(struct lte_data *data);
};

struct lte_data {
    const struct lte_context *context;
    const struct lte_data_kind *kind;
    size_t bytes;              // of the struct that this one begins
    struct lte_data_options options;
    uint64_t key;              // of the stream of random numbers
    uint32_t item_rows;        // the fewest rows of an item
    uint32_t longest;          // the most
    uint32_t item_segments;    // the most sequences of an item
    uint32_t items;            // the most in a micro-batch
    uint32_t rows, segments;   // what lte_data_size() says
    uint32_t vocabulary;
};

// Checks the options and makes a zeroed source of `bytes` that begins with a struct lte_data.
enum lte_status lte_data_new(const struct lte_context *context, const struct lte_data_kind *kind,
                             size_t bytes, const struct lte_data_options *options,
                             struct lte_data **data);
// Sets items, rows and segments from options.rows, item_rows, longest and item_segments.
void lte_data_measure(struct lte_data *data);
// For makers: gives *made to the caller, or frees the source if `status` is a failure. Returns
// `status`.
enum lte_status lte_data_done(struct lte_data *data, enum lte_status status,
                              struct lte_data **made);

#endif
