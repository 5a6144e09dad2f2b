// SPDX-License-Identifier: BSD-2-Clause
// With p[i] the chance that a token leaves after loop i and CE[i] its cross-entropy there:
//
//     expected loss   sum over i of p[i] CE[i] - entropy * H(p)
//     gate alone      mean over i > 0 of the cross-entropy of "goes on after loop i" with
//                     sigmoid(50 * (max(0, CE[i-1] - CE[i]) - 0.005))
#include "config.h"

#include "lib/train/exits.h"

#include <math.h>
#include <string.h>

enum { ROWS = 16 };

struct exits {
    struct lte_objective base;
    struct lte_exits_settings settings;
    double *chance, *log_chance, *loss; // [rows][exits]
    bool *right;                        // [rows]
    size_t bytes;
};

static double log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static float *gate_logits(const struct lte_tape *t)
{
    return lte_exec_value(&t->exec, t->exec.graph->exit_logits);
}

// p[i] = chance of leaving after i given that it did not before, times that of not having done so;
// what is left leaves after the last.
static void begin_block(struct lte_objective *o, struct lte_tape *t)
{
    const struct exits *e = (const struct exits *)o;
    const size_t n = e->settings.exits;
    const float *logits = gate_logits(t);
    for (size_t r = 0; r < t->exec.rows; r++) {
        double left = 0;
        for (size_t i = 0; i < n; i++) {
            const double g = logits[r * n + i];
            const double log_p = i + 1 < n ? left + log_sigmoid(g) : left;
            e->log_chance[r * n + i] = log_p;
            e->chance[r * n + i] = exp(log_p);
            left += log_sigmoid(-g);
        }
    }
}

struct work {
    const struct exits *exits;
    const struct lte_kernels *kernels;
    const struct lte_loss_block *block;
    size_t exit;
    float *gradient;
};

static void rows(void *arg, size_t item, unsigned thread)
{
    const struct work *w = arg;
    const struct exits *e = w->exits;
    const size_t n = w->block->vocabulary, end = (item + 1) * ROWS;
    (void)thread;
    for (size_t r = item * ROWS; r < end && r < w->block->rows; r++) {
        const uint32_t target = w->block->target[r];
        const size_t at = r * e->settings.exits + w->exit;
        float *gradient = w->gradient ? w->gradient + r * n : NULL;
        if (target != LTE_IGNORE)
            e->loss[at] = w->kernels->cross_entropy(w->block->logits + r * n, n, target,
                                                    (float)(e->base.scale * e->chance[at]), gradient,
                                                    &e->right[r]);
        else if (gradient)
            memset(gradient, 0, n * sizeof *gradient);
    }
}

static struct lte_loss loss(struct lte_objective *o, struct lte_tape *t, size_t exit,
                            const struct lte_loss_block *block, float *gradient)
{
    const struct exits *e = (const struct exits *)o;
    struct lte_loss sum = {.sum = 0};
    struct work w = {e, t->exec.kernels, block, exit, e->settings.gate_only ? NULL : gradient};
    lte_exec_for(&t->exec, (block->rows + ROWS - 1) / ROWS, rows, &w);
    for (size_t r = 0; r < block->rows; r++) {
        const size_t at = r * e->settings.exits + exit;
        if (block->target[r] == LTE_IGNORE)
            continue;
        if (!e->settings.gate_only)
            sum.sum += e->chance[at] * e->loss[at];
        sum.counted++;
        sum.right += e->right[r];
    }
    return sum;
}

// What entropy adds for a row; adds the gradient of its gate's logits.
static double expected_row(const struct exits *e, size_t r, const float *logits, float *gradient)
{
    const size_t n = e->settings.exits;
    const double *p = e->chance + r * n, *log_p = e->log_chance + r * n, *ce = e->loss + r * n;
    double sum = 0, later = 0;
    for (size_t i = n; i-- > 0;) {
        const double pull = p[i] * (ce[i] + e->settings.entropy * (log_p[i] + 1));
        const double leave = 1 / (1 + exp(-(double)logits[i]));
        if (gradient && i + 1 < n)
            gradient[i] += (float)(e->base.scale * ((1 - leave) * pull - leave * later));
        later += pull;
        sum += e->settings.entropy * p[i] * log_p[i];
    }
    return sum;
}

static double gate_row(const struct exits *e, size_t r, const float *logits, float *gradient)
{
    const size_t n = e->settings.exits;
    const double *ce = e->loss + r * n, share = 1 / (double)(n - 1);
    double sum = 0;
    for (size_t i = 1; i < n; i++) {
        const double better = ce[i] < ce[i - 1] ? ce[i - 1] - ce[i] : 0;
        const double on = 1 / (1 + exp(-50 * (better - 0.005)));
        const double leave = 1 / (1 + exp(-(double)logits[i]));
        sum -= share * (on * log_sigmoid(-(double)logits[i]) +
                        (1 - on) * log_sigmoid((double)logits[i]));
        if (gradient)
            gradient[i] += (float)(e->base.scale * share * (leave - (1 - on)));
    }
    return sum;
}

static double end_block(struct lte_objective *o, struct lte_tape *t,
                        const struct lte_loss_block *block)
{
    const struct exits *e = (const struct exits *)o;
    const size_t n = e->settings.exits;
    const float *logits = gate_logits(t);
    float *gradient =
        t->training ? lte_tape_gradient(t, t->exec.graph->exit_logits) : NULL;
    double sum = 0;
    for (size_t r = 0; r < block->rows; r++)
        if (block->target[r] != LTE_IGNORE)
            sum += (e->settings.gate_only ? gate_row : expected_row)(
                e, r, logits + r * n, gradient ? gradient + r * n : NULL);
    return sum;
}

enum lte_status lte_exits_new(const struct lte_context *c, const struct lte_exits_settings *settings,
                              struct lte_objective **objective)
{
    const size_t numbers = settings->rows * settings->exits;
    struct exits *e = lte_alloc_zero(c, sizeof *e);
    *objective = NULL;
    if (!e)
        return lte_fail_memory(c, "the loss", sizeof *e);
    *e = (struct exits){.base = {.begin_block = begin_block, .loss = loss, .end_block = end_block},
                        .settings = *settings,
                        .bytes = 3 * numbers * sizeof *e->loss + settings->rows * sizeof *e->right};
    e->chance = lte_alloc_zero(c, e->bytes);
    if (!e->chance) {
        const enum lte_status status = lte_fail_memory(c, "the loss", e->bytes);
        lte_release(c, e, sizeof *e);
        return status;
    }
    e->log_chance = e->chance + numbers;
    e->loss = e->log_chance + numbers;
    e->right = (bool *)(void *)(e->loss + numbers);
    *objective = &e->base;
    return LTE_OK;
}

void lte_exits_free(const struct lte_context *c, struct lte_objective *objective)
{
    struct exits *e = (struct exits *)objective;
    if (!e)
        return;
    lte_release(c, e->chance, e->bytes);
    lte_release(c, e, sizeof *e);
}
