// SPDX-License-Identifier: BSD-2-Clause
// Gradient of DeepSeek sparse attention, with the selection held fixed, and of the indexer's loss,
// with the attention that it compares with held fixed: neither flows into the other's inputs.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sparse/dsa.h"
#include "lib/train/index_loss.h"
#include "tests/grad_rig.h"
#include "tests/inside.h"

struct shape {
    const char *name;
    struct lte_dsa_op op;
    const size_t *segment;
    size_t segments;
    float index;       // weight of the loss
    bool dense;
};

static double smallest_gap; // between a chosen token's score and that of one not chosen
static bool *chosen;        // [rows][rows]: by the query's row and the key's
static double *target;      // likewise: attention averaged over the heads
static double loss;         // of the last forward pass, weighted

struct sequence {
    const struct grad_case *c;
    double *const *in;
    size_t row, rows;
};

static const double *index_row(const struct sequence *s, size_t t)
{
    return s->in[3] + (s->row + t) * s->c->width[3];
}

static size_t cell(const struct sequence *s, size_t t, size_t j)
{
    return (s->row + t) * grad_rows(s->c) + s->row + j;
}

static double score(const struct sequence *s, size_t t, size_t j)
{
    const struct lte_dsa_op *o = &s->c->op.dsa;
    const double *q = index_row(s, t), *w = q + lte_dsa_weight_column(o);
    const double *k = index_row(s, j) + lte_dsa_key_column(o);
    double sum = 0;
    for (size_t h = 0; h < o->index_heads; h++) {
        double a = 0;
        for (size_t d = 0; d < o->index_dim; d++)
            a += q[h * o->index_dim + d] * k[d];
        if (o->rule == LTE_INDEX_DOT)
            sum += a / (double)o->index_heads;
        else
            sum += w[h] * fmax(a, 0) / sqrt((double)(o->index_heads * o->index_dim));
    }
    return sum;
}

static void choose(const struct sequence *s, size_t t, bool dense)
{
    const struct lte_dsa_op *o = &s->c->op.dsa;
    size_t used = 0;
    double last = INFINITY;
    for (size_t j = 0; j <= t; j++)
        used += chosen[cell(s, t, j)] = dense || t < o->top || j < o->first || t - j < o->last;
    for (; used <= t; used++) {
        size_t best = SIZE_MAX;
        for (size_t j = 0; j <= t; j++)
            if (!chosen[cell(s, t, j)] && (best == SIZE_MAX || score(s, t, j) > score(s, t, best)))
                best = j;
        if (used >= o->top) { // the best that is left out
            if (last > score(s, t, best)) // ReLU makes zeros that are equal everywhere
                smallest_gap = fmin(smallest_gap, last - score(s, t, best));
            break;
        }
        last = score(s, t, best);
        chosen[cell(s, t, best)] = true;
    }
}

// Of one head; adds its weights to p, if any.
static void attend(const struct sequence *s, size_t t, size_t h, double *o, double *p)
{
    const struct lte_dsa_op *op = &s->c->op.dsa;
    const size_t dim = op->head_dim, kv = op->key_heads * dim, head = h / (op->heads / op->key_heads) * dim;
    const double *q = s->in[0] + ((s->row + t) * op->heads + h) * dim;
    double *w = calloc(t + 1, sizeof *w), sum = 0;
    for (size_t j = 0; j <= t; j++) {
        double a = 0;
        for (size_t d = 0; d < dim; d++)
            a += q[d] * s->in[1][(s->row + j) * kv + head + d] / sqrt((double)dim);
        sum += w[j] = chosen[cell(s, t, j)] ? exp(a) : 0;
    }
    for (size_t j = 0; j <= t; j++) {
        for (size_t d = 0; o && d < dim; d++)
            o[d] += w[j] / sum * s->in[2][(s->row + j) * kv + head + d];
        if (p)
            p[j] += w[j] / sum / (double)op->heads;
    }
    free(w);
}

static double divergence(const struct sequence *s, size_t t)
{
    double sum = 0, kl = 0;
    for (size_t j = 0; j <= t; j++)
        sum += chosen[cell(s, t, j)] ? exp(score(s, t, j)) : 0;
    for (size_t j = 0; j <= t; j++) {
        const double p = target[cell(s, t, j)];
        if (chosen[cell(s, t, j)] && p > 0)
            kl += p * (log(p) - score(s, t, j) + log(sum));
    }
    return kl;
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    const struct lte_dsa_op *o = &c->op.dsa;
    struct sequence s = {.c = c, .in = in};
    (void)weight;
    memset(out[0], 0, grad_rows(c) * c->width[0] * sizeof(double));
    loss = 0;
    for (size_t i = 0; i < c->segments; s.row += c->segment[i++]) {
        s.rows = c->segment[i];
        for (size_t t = 0; t < s.rows; t++) {
            for (size_t h = 0; h < o->heads; h++)
                attend(&s, t, h, out[0] + ((s.row + t) * o->heads + h) * o->head_dim, NULL);
            if (c->index)
                loss += c->index->scale * divergence(&s, t);
        }
    }
}

static double index_loss(const struct grad_case *c, double *const *out)
{
    (void)c;
    (void)out;
    return loss;
}

// The selection, and the attention that the indexer is compared with.
static void fix(const struct grad_case *c, bool dense)
{
    const size_t all = grad_rows(c);
    double *in[4];
    struct sequence s = {.c = c, .in = in};
    for (size_t i = 0; i < 4; i++) {
        in[i] = malloc(all * c->width[i] * sizeof(double));
        for (size_t j = 0; j < all * c->width[i]; j++)
            in[i][j] = c->in[i][j];
    }
    chosen = calloc(all * all, sizeof *chosen);
    target = calloc(all * all, sizeof *target);
    smallest_gap = INFINITY;
    for (size_t i = 0; i < c->segments; s.row += c->segment[i++])
        for (size_t t = 0; t < c->segment[i]; t++) {
            choose(&s, t, dense);
            for (size_t h = 0; h < c->op.dsa.heads; h++)
                attend(&s, t, h, NULL, target + cell(&s, t, 0));
        }
    for (size_t i = 0; i < 4; i++)
        free(in[i]);
}

// Products of the indexer that central differences would push over the corner of a ReLU.
static bool near_corner(const struct grad_case *c)
{
    const struct lte_dsa_op *o = &c->op.dsa;
    const size_t all = grad_rows(c), width = c->width[3];
    double least = INFINITY;
    for (size_t i = 0; o->rule == LTE_INDEX_RELU && i < all; i++)
        for (size_t j = 0; j <= i; j++)
            for (size_t h = 0; h < o->index_heads; h++) {
                double a = 0;
                for (size_t d = 0; d < o->index_dim; d++)
                    a += (double)c->in[3][i * width + h * o->index_dim + d] *
                         c->in[3][j * width + lte_dsa_key_column(o) + d];
                least = fmin(least, fabs(a));
            }
    return least < 2e-4;
}

static void check_shape(struct lte_context *context, const struct shape *shape)
{
    const struct lte_dsa_op *o = &shape->op;
    const size_t kv = o->key_heads * o->head_dim, q = o->heads * o->head_dim;
    struct lte_index_loss index = {.dense = shape->dense, .scale = shape->index};
    struct grad_case c = {.context = context, .inputs = 4, .outputs = 1,
                          .width = {q, kv, kv, lte_dsa_index_width(o), q}, .segment = shape->segment,
                          .segments = shape->segments, .index = shape->index > 0 ? &index : NULL,
                          .extra_loss = index_loss};
    c.op = (struct lte_op){.kind = LTE_OP_DSA, .in = {0, 1, 2, 3}, .out = 4, .dsa = *o};
    for (size_t i = 0; i < 4; i++)
        c.in[i] = grad_normal(grad_rows(&c) * c.width[i], 1);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * q, 1);
    fix(&c, shape->dense);
    for (int tries = 0; tries < 1000 && (smallest_gap < 1e-5 || near_corner(&c)); tries++) {
        free(chosen);
        free(target);
        free(c.in[3]);
        c.in[3] = grad_normal(grad_rows(&c) * c.width[3], 1);
        fix(&c, shape->dense);
    }
    grad_check(&c, forward, 3e-5, shape->name);
    free(chosen);
    free(target);
    for (size_t i = 0; i < 4; i++)
        free(c.in[i]);
    free(c.out_gradient[0]);
    grad_free(&c);
}

int main(int argc, char **argv)
{
    static const size_t several[] = {12, 3, 1, 15}, one[] = {70};
    static const struct shape shapes[] = {
        {"dsa: attention alone", {4, 2, 5, 2, 4, 6, 1, 2, LTE_INDEX_RELU}, several, 4, 0, false},
        {"dsa: and the indexer", {4, 2, 5, 3, 4, 6, 1, 2, LTE_INDEX_RELU}, several, 4, 0.3f, false},
        {"dsa: mean product", {3, 1, 4, 2, 5, 7, 0, 1, LTE_INDEX_DOT}, several, 4, 0.2f, false},
        {"dsa: dense", {4, 2, 3, 2, 3, 6, 0, 2, LTE_INDEX_RELU}, several, 4, 0.3f, true},
        {"dsa: room for all", {2, 2, 3, 2, 3, 99, 0, 0, LTE_INDEX_RELU}, several, 4, 0.3f, false},
        {"dsa: several bands", {2, 1, 3, 1, 3, 24, 0, 5, LTE_INDEX_DOT}, one, 1, 0.1f, false}};
    check_begin(argc, argv, "grad_dsa");
    for (const char *const *cpu = inside_levels(); *cpu; cpu++) {
        struct lte_context *context = inside_context(*cpu, 1);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_shape(context, &shapes[i]);
        lte_close(context);
    }
    return check_end();
}
