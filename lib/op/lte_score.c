// SPDX-License-Identifier: BSD-2-Clause
// lte_score: the retention scorer as a streaming network. The stack of dilated convolutions is FIR,
// so after token p the score of token p - delay is final; the slot holds each convolution's last
// inputs. Outside the sequence every layer's *input* is zero: an output that belongs to a token
// before the first is written as 0, not as silu(bias).
#include "config.h"

#include <string.h>

#include "lib/exec.h"
#include "lib/grad/grad.h"
#include "lib/op/retention.h"

enum { TOKENS = 32 }; // tokens that pass through the whole stack together, so that they stay in cache

struct score {
    const struct lte_exec *exec;
    const struct lte_op *op;
    const float *k, *v;
    float *out;
    size_t head_state;
};

static size_t history(const struct lte_scorer_conv *c)
{
    return (c->taps - 1) * c->dilation;
}

// Floats that one head keeps between calls.
static size_t head_state(const struct lte_score_op *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->convs; i++)
        n += history(&s->conv[i]) * s->conv[i].in;
    return n;
}

// Puts k and v of `n` tokens side by side behind the first convolution's history.
static void gather(const struct score *w, float *x, size_t row, size_t n, size_t head)
{
    const size_t dim = w->op->score.head_dim, stride = w->op->score.heads * dim;
    for (size_t t = 0; t < n; t++) {
        const size_t at = (row + t) * stride + head * dim;
        memcpy(x + t * 2 * dim, w->k + at, dim * sizeof *x);
        memcpy(x + t * 2 * dim + dim, w->v + at, dim * sizeof *x);
    }
}

// One convolution over n new tokens, the first of them at `position`. `x` holds history and new
// inputs; the outputs go behind the next history in `y`. `late` is how many tokens its output lags.
static void convolve(const struct score *w, size_t i, size_t head, const float *x, float *y,
                     size_t n, uint64_t position, size_t late)
{
    const struct lte_score_op *s = &w->op->score;
    const struct lte_scorer_conv *c = &s->conv[i];
    const size_t g = s->shared ? 0 : head;
    w->exec->kernels->router_conv(y, c->out, x, c->in, n, c->weight + g * c->taps * c->in * c->out,
                                  c->bias + g * c->out, c->in, c->out, c->taps, c->dilation,
                                  i + 1 < s->convs);
    for (size_t t = 0; t < n && position + t < late; t++)
        memset(y + t * c->out, 0, c->out * sizeof *y);
}

// n <= TOKENS tokens through the stack. `state` is this head's; returns the logits z.
static const float *stack(const struct score *w, size_t head, float *state, float *scratch,
                          size_t row, size_t n, uint64_t position)
{
    const struct lte_score_op *s = &w->op->score;
    float *x = scratch;
    size_t late = 0;
    gather(w, x + history(&s->conv[0]) * s->conv[0].in, row, n, head);
    for (size_t i = 0; i < s->convs; i++) {
        const struct lte_scorer_conv *c = &s->conv[i];
        const size_t kept = history(c) * c->in;
        float *next = x + (history(c) + TOKENS) * c->in;
        float *y = next + (i + 1 < s->convs ? history(&s->conv[i + 1]) * s->conv[i + 1].in : 0);
        memcpy(x, state, kept * sizeof *x);
        late += c->right;
        convolve(w, i, head, x, y, n, position, late);
        memcpy(state, x + n * c->in, kept * sizeof *x);
        state += kept;
        x = next;
    }
    return x;
}

static size_t scratch_floats(const struct lte_score_op *s)
{
    size_t n = TOKENS; // the logits
    for (size_t i = 0; i < s->convs; i++)
        n += (history(&s->conv[i]) + TOKENS) * s->conv[i].in;
    return n;
}

static void head_item(void *arg, size_t item, unsigned thread)
{
    const struct score *w = arg;
    const struct lte_score_op *s = &w->op->score;
    const struct lte_segment *g = &w->exec->segment[item / s->heads];
    const size_t head = item % s->heads;
    float *state = (float *)lte_exec_state(w->exec, w->op, g->session) + head * w->head_state;
    float *scratch = lte_exec_scratch(w->exec, thread);
    for (size_t t = 0; t < g->rows; t += TOKENS) {
        const size_t n = g->rows - t < TOKENS ? g->rows - t : TOKENS;
        const float *z = stack(w, head, state, scratch, g->row + t, n, g->position + t);
        for (size_t i = 0; i < n; i++)
            w->out[(g->row + t + i) * s->heads + head] = lte_retention(z[i], s->relu);
    }
}

static void compute(struct lte_exec *x, const struct lte_op *op)
{
    struct score w = {.exec = x,
                      .op = op,
                      .k = lte_exec_value(x, op->in[0]),
                      .v = lte_exec_value(x, op->in[1]),
                      .out = lte_exec_value(x, op->out),
                      .head_state = head_state(&op->score)};
    lte_exec_for(x, x->segments * op->score.heads, head_item, &w);
}

static size_t width(const struct lte_op *op, const size_t *in_width)
{
    const struct lte_score_op *s = &op->score;
    const size_t channels = s->heads * s->head_dim;
    const bool fits = in_width[0] == channels && in_width[1] == channels &&
                      s->conv[0].in == 2 * s->head_dim && s->conv[s->convs - 1].out == 1;
    return fits ? s->heads : 0;
}

static size_t state(const struct lte_op *op, const struct lte_session_params *params, bool *grows)
{
    (void)params, (void)grows;
    return op->score.heads * head_state(&op->score) * sizeof(float);
}

static void scratch(const struct lte_op *op, const struct lte_session_params *params,
                    const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    (void)params, (void)kernels;
    *shared = 0;
    *each = scratch_floats(&op->score) * sizeof(float);
}

static void cost(const struct lte_op *op, const struct lte_session_params *params,
                 uint64_t position, size_t rows, struct lte_cost *cost)
{
    const struct lte_score_op *s = &op->score;
    bool grows;
    (void)position;
    for (size_t i = 0; i < s->convs; i++) {
        const double n = (double)(s->conv[i].taps * s->conv[i].in * s->conv[i].out);
        cost->flops += 2.0 * n * (double)(s->heads * rows);
        cost->weight_bytes += n * sizeof(float) * (double)(s->shared ? 1 : s->heads);
    }
    cost->state_bytes += 2.0 * (double)state(op, params, &grows);
}

const struct lte_op_row lte_op_lte_score = {.name = "lte_score",
                                            .width = width,
                                            .state = state,
                                            .scratch = scratch,
                                            .compute = compute,
                                            .cost = cost,
                                            .gradient = &lte_grad_lte_score};
