// SPDX-License-Identifier: BSD-2-Clause
// Tiles of tokens of the retention scorer in training: what forward and backward share.
//
// A pass goes through the stack one convolution at a time, over all tokens. Between forward and
// backward the op keeps what each convolution put out before its activation,
// [conv][head][row][out]: O(T). Inputs are made from that again, tile by tile, in cache: silu,
// dropout, and zeros outside the sequence. Backward puts each convolution's gradient in place of
// its output.
#ifndef LTE_LIB_GRAD_SCORE_TILE_H
#define LTE_LIB_GRAD_SCORE_TILE_H

#include "lib/grad/dropout.h"
#include "lib/grad/grad.h"

enum { LTE_SCORE_TILE = 64 }; // rows: input and gradient of a convolution stay in the first-level cache

struct lte_score_pass {
    struct lte_tape *tape;
    const struct lte_op *op;
    const struct lte_score_op *score;
    size_t conv;                         // the convolution being worked on
    float *kept[LTE_SCORER_CONVS];
    struct lte_dropout dropout;          // of this convolution's input
    size_t tiles;                        // of all segments
    // Where things lie in a thread's scratch, in floats: input or gradient with its surroundings,
    // and what goes row by row with it.
    size_t input_at, slope_at, gradient_at, change_at, each;
};

// Rows [row, row + rows) of the sequence [begin, end).
struct lte_score_tile {
    size_t begin, end, row, rows;
};

void lte_score_pass_init(struct lte_score_pass *pass, struct lte_tape *tape, const struct lte_op *op);
// Makes `conv` the one that is worked on.
void lte_score_pass_conv(struct lte_score_pass *pass, size_t conv);
struct lte_score_tile lte_score_tile_at(const struct lte_score_pass *pass, size_t index);

// Floats kept by all convolutions before `conv`, for so many rows.
size_t lte_score_kept(const struct lte_score_op *score, size_t conv, size_t rows);
// Floats of a thread's scratch; sets where things lie.
size_t lte_score_layout(struct lte_score_pass *pass, const struct lte_score_op *score);

// Row `row` of convolution `conv`'s output for a head.
static inline float *lte_score_row(const struct lte_score_pass *p, size_t conv, size_t head, size_t row)
{
    return p->kept[conv] + (head * p->tape->exec.rows + row) * p->score->conv[conv].out;
}

// The input of the current convolution: the tile's rows with `left` before and `right` behind,
// zeros outside the sequence. `slope`, unless NULL: the derivative by the output of the convolution
// before (by k and v for the first), of as many rows.
void lte_score_input(const struct lte_score_pass *pass, size_t head, const struct lte_score_tile *tile,
                     size_t left, size_t right, float *x, float *slope);
// The gradient of the current convolution's output, likewise.
void lte_score_gradient(const struct lte_score_pass *pass, size_t head,
                        const struct lte_score_tile *tile, size_t left, size_t right, float *dz);

// Adds a head's counted scores to the budget's sums.
void lte_score_count(const struct lte_score_pass *pass, size_t head);

#endif
