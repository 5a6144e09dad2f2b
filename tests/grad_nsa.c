// SPDX-License-Identifier: BSD-2-Clause
// Gradient of native sparse attention, with the selection held fixed.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/grad_rig.h"
#include "tests/inside.h"

struct shape {
    const char *name;
    struct lte_nsa_op op;
    const size_t *segment;
    size_t segments;
};

static double smallest_gap; // between a chosen block's importance and that of one not chosen
static bool *chosen;        // [rows][key_heads][rows]: by the query's row and the block's number

// One head of one query over n keys, given as rows of k and v: adds open times the output to o, and
// the weights of the keys to p, if any.
static void attend(const double *q, const double *const *k, const double *const *v, size_t n,
                   size_t dim, double open, double *o, double *p)
{
    double *w = malloc((n + 1) * sizeof *w), max = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++) {
        w[j] = 0;
        for (size_t d = 0; d < dim; d++)
            w[j] += q[d] * k[j][d] / sqrt((double)dim);
        max = fmax(max, w[j]);
    }
    for (size_t j = 0; j < n; j++)
        sum += w[j] = exp(w[j] - max);
    for (size_t j = 0; j < n; j++) {
        for (size_t d = 0; o && d < dim; d++)
            o[d] += open * w[j] / sum * v[j][d];
        if (p)
            p[j] += w[j] / sum;
    }
    free(w);
}

// A sequence: its inputs, and the means of its complete blocks.
struct sequence {
    const struct grad_case *c;
    size_t row, rows, head;
    const double *in[4];
    double *mean[2];       // [blocks][dim]
    const double **k, **v; // [rows] scratch
};

static const double *entry(const struct sequence *s, size_t input, size_t token)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    return s->in[input] + ((s->row + token) * o->key_heads + s->head) * o->head_dim;
}

static void make_means(struct sequence *s)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    for (size_t i = 0; i < 2; i++) {
        s->mean[i] = calloc(s->rows * o->head_dim, sizeof(double));
        for (size_t t = 0; t < s->rows / o->block * o->block; t++)
            for (size_t d = 0; d < o->head_dim; d++)
                s->mean[i][t / o->block * o->head_dim + d] +=
                    entry(s, 1 + i, t)[d] / (double)o->block;
    }
}

static size_t see_means(const struct sequence *s, size_t t)
{
    const size_t n = (t + 1) / s->c->op.nsa.block;
    for (size_t b = 0; b < n; b++) {
        s->k[b] = s->mean[0] + b * s->c->op.nsa.head_dim;
        s->v[b] = s->mean[1] + b * s->c->op.nsa.head_dim;
    }
    return n;
}

static bool *chosen_row(const struct sequence *s, size_t t)
{
    const size_t heads = s->c->op.nsa.key_heads;
    return chosen + ((s->row + t) * heads + s->head) * grad_rows(s->c);
}

static size_t see_tokens(const struct sequence *s, size_t t, bool selected)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    size_t n = 0;
    for (size_t j = 0; j <= t; j++) {
        if (selected ? !chosen_row(s, t)[j / o->block] : t - j >= o->window)
            continue;
        s->k[n] = entry(s, 1, j);
        s->v[n++] = entry(s, 2, j);
    }
    return n;
}

static const double *query(const struct sequence *s, size_t t, size_t g)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    const size_t h = s->head * (o->heads / o->key_heads) + g;
    return s->in[0] + ((s->row + t) * o->heads + h) * o->head_dim;
}

// Forced blocks, then one by one the best of the others.
static void choose(struct sequence *s, size_t t)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    const size_t own = t / o->block, n = see_means(s, t);
    double *p = calloc(n + 1, sizeof *p);
    bool *row = chosen_row(s, t);
    for (size_t g = 0; g < o->heads / o->key_heads; g++)
        attend(query(s, t, g), s->k, s->v, n, o->head_dim, 0, NULL, p);
    row[0] = row[own] = row[own ? own - 1 : 0] = true;
    size_t used = own < 2 ? own + 1 : 3;
    double last = INFINITY;
    for (; used <= own; used++) {
        size_t best = SIZE_MAX;
        for (size_t b = 0; b < own; b++)
            if (!row[b] && (best == SIZE_MAX || p[b] > p[best]))
                best = b;
        if (used >= o->top) {
            smallest_gap = fmin(smallest_gap, last - p[best]);
            break;
        }
        last = p[best];
        row[best] = true;
    }
    free(p);
}

static void forward_query(struct sequence *s, size_t t, double *const *out)
{
    const struct lte_nsa_op *o = &s->c->op.nsa;
    for (size_t b = 0; b < 3; b++) {
        const size_t n = b == 0 ? see_means(s, t) : see_tokens(s, t, b == 1);
        for (size_t g = 0; g < o->heads / o->key_heads; g++) {
            const size_t at = (size_t)(query(s, t, g) - s->in[0]);
            const double gate = s->in[3][at / o->head_dim * 3 + b];
            attend(query(s, t, g), s->k, s->v, n, o->head_dim, 1 / (1 + exp(-gate)), out[0] + at,
                   NULL);
        }
    }
}

// With out NULL: chooses.
static void walk(const struct grad_case *c, double *const *in, double *const *out)
{
    const size_t all = grad_rows(c);
    struct sequence s = {.c = c, .in = {in[0], in[1], in[2], in[3]}};
    s.k = malloc(all * sizeof *s.k);
    s.v = malloc(all * sizeof *s.v);
    for (size_t i = 0; i < c->segments; s.row += c->segment[i++]) {
        s.rows = c->segment[i];
        for (s.head = 0; s.head < c->op.nsa.key_heads; s.head++) {
            make_means(&s);
            for (size_t t = 0; t < s.rows; t++)
                if (out)
                    forward_query(&s, t, out);
                else
                    choose(&s, t);
            free(s.mean[0]);
            free(s.mean[1]);
        }
    }
    free(s.k);
    free(s.v);
}

static void forward(const struct grad_case *c, double *const *in, double *const *weight,
                    double *const *out)
{
    (void)weight;
    memset(out[0], 0, grad_rows(c) * c->width[0] * sizeof(double));
    walk(c, in, out);
}

static void choose_all(const struct grad_case *c)
{
    double *in[4];
    for (size_t i = 0; i < 4; i++) {
        const size_t n = grad_rows(c) * c->width[i];
        in[i] = malloc(n * sizeof(double));
        for (size_t j = 0; j < n; j++)
            in[i][j] = c->in[i][j];
    }
    chosen = calloc(grad_rows(c) * c->op.nsa.key_heads * grad_rows(c), sizeof *chosen);
    smallest_gap = INFINITY;
    walk(c, in, NULL);
    for (size_t i = 0; i < 4; i++)
        free(in[i]);
}

static void check_shape(struct lte_context *context, const struct shape *shape)
{
    const struct lte_nsa_op *o = &shape->op;
    const size_t kv = o->key_heads * o->head_dim, q = o->heads * o->head_dim;
    struct grad_case c = {.context = context, .inputs = 4, .outputs = 1,
                          .width = {q, kv, kv, 3 * o->heads, q}, .segment = shape->segment,
                          .segments = shape->segments};
    c.op = (struct lte_op){.kind = LTE_OP_NSA, .in = {0, 1, 2, 3}, .out = 4, .nsa = *o};
    for (size_t i = 0; i < 4; i++)
        c.in[i] = grad_normal(grad_rows(&c) * c.width[i], 1);
    c.out_gradient[0] = grad_normal(grad_rows(&c) * q, 1);
    choose_all(&c);
    while (smallest_gap < 1e-5) { // double and fp32 might choose differently
        free(chosen);
        free(c.in[0]);
        c.in[0] = grad_normal(grad_rows(&c) * q, 1);
        choose_all(&c);
    }
    grad_check(&c, forward, 2e-5, shape->name);
    free(chosen);
    for (size_t i = 0; i < 4; i++)
        free(c.in[i]);
    free(c.out_gradient[0]);
    grad_free(&c);
}

int main(int argc, char **argv)
{
    static const size_t several[] = {29, 3, 1, 12}, one[] = {97};
    static const struct shape shapes[] = {
        {"nsa: several sequences", {4, 2, 5, 4, 4, 6}, several, 4},
        {"nsa: blocks that straddle", {3, 1, 4, 7, 3, 9}, several, 4},
        {"nsa: several blocks of queries", {2, 1, 3, 1, 5, 70}, one, 1}};
    check_begin(argc, argv, "grad_nsa");
    for (const char *const *cpu = inside_levels(); *cpu; cpu++) {
        struct lte_context *context = inside_context(*cpu, 1);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_shape(context, &shapes[i]);
        lte_close(context);
    }
    return check_end();
}
