// SPDX-License-Identifier: BSD-2-Clause
// Tiles of tokens of the retention scorer in training.
#include "config.h"

#include "lib/grad/score_tile.h"

#include <string.h>

#include "lib/random.h"
#include "lib/train/budget.h"

size_t lte_score_kept(const struct lte_score_op *s, size_t conv, size_t rows)
{
    size_t floats = 0;
    for (size_t i = 0; i < conv; i++)
        floats += s->heads * rows * s->conv[i].out;
    return floats;
}

static size_t whole_lines(size_t floats)
{
    return (floats + 15) & ~(size_t)15;
}

size_t lte_score_layout(struct lte_score_pass *p, const struct lte_score_op *s)
{
    size_t in = 0, around_in = 0, around_out = 0;
    for (size_t i = 0; i < s->convs; i++) {
        const struct lte_scorer_conv *c = &s->conv[i];
        const size_t rows = LTE_SCORE_TILE + c->left + c->right;
        in = c->in > in ? c->in : in;
        around_in = rows * c->in > around_in ? rows * c->in : around_in;
        around_out = rows * c->out > around_out ? rows * c->out : around_out;
    }
    p->input_at = 0;
    p->slope_at = whole_lines(around_in);
    p->change_at = p->slope_at + whole_lines(LTE_SCORE_TILE * in);
    p->gradient_at = p->change_at + whole_lines(LTE_SCORE_TILE * in);
    p->each = p->gradient_at + whole_lines(around_out);
    return p->each;
}

static size_t tiles_of(const struct lte_segment *segment)
{
    return (segment->rows + LTE_SCORE_TILE - 1) / LTE_SCORE_TILE;
}

void lte_score_pass_init(struct lte_score_pass *p, struct lte_tape *tape, const struct lte_op *op)
{
    *p = (struct lte_score_pass){.tape = tape, .op = op, .score = &op->score};
    float *kept = lte_tape_saved(tape, op);
    for (size_t i = 0; i < p->score->convs; i++)
        p->kept[i] = kept + lte_score_kept(p->score, i, tape->exec.rows);
    for (size_t i = 0; i < tape->exec.segments; i++)
        p->tiles += tiles_of(&tape->exec.segment[i]);
    lte_score_layout(p, p->score);
}

void lte_score_pass_conv(struct lte_score_pass *p, size_t conv)
{
    const struct lte_budget *b = p->tape->budget;
    const bool drops = b && p->tape->training && conv + 1 < p->score->convs; // not before the projection
    const uint64_t place = (uint64_t)p->op->slot * LTE_SCORER_CONVS + conv;
    p->conv = conv;
    lte_dropout_init(&p->dropout, drops ? b->config.dropout : 0,
                     lte_random_bits(p->tape->dropout_key, place));
}

struct lte_score_tile lte_score_tile_at(const struct lte_score_pass *p, size_t index)
{
    const struct lte_segment *s = p->tape->exec.segment;
    for (; index >= tiles_of(s); s++)
        index -= tiles_of(s);
    const size_t first = index * LTE_SCORE_TILE, left = s->rows - first;
    return (struct lte_score_tile){s->row, s->row + s->rows, s->row + first,
                                   left < LTE_SCORE_TILE ? left : LTE_SCORE_TILE};
}

// k and v of a head side by side.
static void gather(const struct lte_score_pass *p, size_t head, size_t row, size_t rows, float *x,
                   float *slope)
{
    const size_t dim = p->score->head_dim, stride = p->score->heads * dim;
    const float *k = lte_exec_value(&p->tape->exec, p->op->in[0]) + head * dim;
    const float *v = lte_exec_value(&p->tape->exec, p->op->in[1]) + head * dim;
    for (size_t t = 0; t < rows; t++) {
        memcpy(x + t * 2 * dim, k + (row + t) * stride, dim * sizeof *x);
        memcpy(x + t * 2 * dim + dim, v + (row + t) * stride, dim * sizeof *x);
    }
    for (size_t i = 0; slope && i < rows * 2 * dim; i++)
        slope[i] = 1;
}

// The projection follows the last activation directly; only it has no activation of its own.
static void inside(const struct lte_score_pass *p, size_t head, size_t row, size_t rows, float *x,
                   float *slope)
{
    const struct lte_kernels *kernels = p->tape->exec.kernels;
    const size_t in = p->score->conv[p->conv].in;
    if (p->conv == 0)
        gather(p, head, row, rows, x, slope);
    else if (slope)
        kernels->silu_slope(x, slope, lte_score_row(p, p->conv - 1, head, row), rows * in);
    else
        kernels->silu(x, lte_score_row(p, p->conv - 1, head, row), rows * in);
    for (size_t t = 0; p->dropout.active && t < rows; t++)
        lte_dropout_apply(&p->dropout, (row + t) * p->score->heads + head, in, x + t * in,
                          slope ? slope + t * in : NULL);
}

// The rows of a tile with its surroundings that lie in the sequence, and how many are missing in
// front.
struct extent {
    size_t missing, row, rows, all;
};

static struct extent extent_of(const struct lte_score_tile *t, size_t left, size_t right)
{
    const size_t before = t->row - t->begin, behind = t->end - t->row - t->rows;
    const size_t have_before = before < left ? before : left;
    const size_t have_behind = behind < right ? behind : right;
    return (struct extent){left - have_before, t->row - have_before,
                           have_before + t->rows + have_behind, left + t->rows + right};
}

static void clear_outside(float *x, size_t width, const struct extent *e)
{
    memset(x, 0, e->missing * width * sizeof *x);
    memset(x + (e->missing + e->rows) * width, 0,
           (e->all - e->missing - e->rows) * width * sizeof *x);
}

void lte_score_input(const struct lte_score_pass *p, size_t head, const struct lte_score_tile *tile,
                     size_t left, size_t right, float *x, float *slope)
{
    const size_t in = p->score->conv[p->conv].in;
    const struct extent e = extent_of(tile, left, right);
    clear_outside(x, in, &e);
    inside(p, head, e.row, e.rows, x + e.missing * in, slope ? slope + e.missing * in : NULL);
}

void lte_score_gradient(const struct lte_score_pass *p, size_t head,
                        const struct lte_score_tile *tile, size_t left, size_t right, float *dz)
{
    const size_t out = p->score->conv[p->conv].out;
    const struct extent e = extent_of(tile, left, right);
    clear_outside(dz, out, &e);
    memcpy(dz + e.missing * out, lte_score_row(p, p->conv, head, e.row), e.rows * out * sizeof *dz);
}

void lte_score_count(const struct lte_score_pass *p, size_t head)
{
    const struct lte_exec *x = &p->tape->exec;
    const struct lte_budget *b = p->tape->budget;
    const size_t heads = p->score->heads, at = b->layer_of_slot[p->op->slot] * heads + head;
    const float *score = lte_exec_value(x, p->op->out) + head;
    for (size_t i = 0; i < x->segments; i++) {
        const struct lte_segment *s = &x->segment[i];
        for (size_t t = 0; t + b->margin < s->rows; t++) {
            const float one = score[(s->row + t) * heads];
            if (one > 0) {
                b->score_sum[at] += (double)one;
                b->positive[at] += 1;
            }
        }
    }
}
