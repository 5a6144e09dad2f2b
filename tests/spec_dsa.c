// SPDX-License-Identifier: BSD-2-Clause
// DeepSeek sparse attention as an op: which tokens are selected, against plain arithmetic; any
// split; full attention where the selection has room for every token; several sessions in a step.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sparse/dsa.h"
#include "tests/check.h"
#include "tests/inside.h"

enum { TOKENS = 150, HEADS = 4, KEY_HEADS = 2, DIM = 6, QUERY = HEADS * DIM, KV = KEY_HEADS * DIM };

struct inputs {
    float *in[4]; // q, k, v, index
    size_t width[5];
};

static struct lte_dsa_op make_op(enum lte_index_rule rule, size_t top)
{
    return (struct lte_dsa_op){.heads = HEADS, .key_heads = KEY_HEADS, .head_dim = DIM,
                               .index_heads = 4, .index_dim = 4, .top = top,
                               .first = top / 8, .last = top / 5, .rule = rule};
}

// Small integers, and 16 of them a query: the indexer is exact, whatever the order, and ties are
// frequent.
static struct inputs make_inputs(const struct lte_dsa_op *op)
{
    struct inputs x = {.width = {QUERY, KV, KV, lte_dsa_index_width(op), QUERY}};
    for (size_t i = 0; i < 4; i++) {
        const size_t n = TOKENS * x.width[i];
        x.in[i] = malloc(n * sizeof(float));
        check_fill(x.in[i], n, CHECK_NORMAL);
        for (size_t j = 0; i == 3 && j < n; j++)
            x.in[i][j] = (float)((int)check_below(7) - 3);
    }
    return x;
}

static void free_inputs(struct inputs *x)
{
    for (size_t i = 0; i < 4; i++)
        free(x->in[i]);
}

// ---- the same in double

static double score_of(const struct lte_dsa_op *op, const struct inputs *x, size_t t, size_t s)
{
    const float *q = x->in[3] + t * x->width[3], *w = q + lte_dsa_weight_column(op);
    const float *k = x->in[3] + s * x->width[3] + lte_dsa_key_column(op);
    double sum = 0;
    for (size_t h = 0; h < op->index_heads; h++) {
        double a = 0;
        for (size_t d = 0; d < op->index_dim; d++)
            a += (double)q[h * op->index_dim + d] * k[d];
        sum += op->rule == LTE_INDEX_DOT ? a : w[h] * fmax(a, 0);
    }
    return sum;
}

static void select_plainly(const struct lte_dsa_op *op, const struct inputs *x, size_t t, bool *taken)
{
    double score[TOKENS];
    size_t used = 0;
    for (size_t s = 0; s <= t; s++) {
        score[s] = score_of(op, x, t, s);
        taken[s] = t < op->top || s < op->first || t - s < op->last;
        used += taken[s];
    }
    for (; used < op->top && used <= t; used++) {
        size_t best = SIZE_MAX;
        for (size_t s = 0; s <= t; s++)
            if (!taken[s] && (best == SIZE_MAX || score[s] > score[best]))
                best = s;
        taken[best] = true;
    }
}

static void attend_plainly(const struct inputs *x, size_t t, const bool *taken, double *o)
{
    for (size_t h = 0; h < HEADS; h++) {
        const size_t at = h / (HEADS / KEY_HEADS) * DIM;
        double p[TOKENS], sum = 0;
        for (size_t s = 0; s <= t; s++) {
            double a = 0;
            for (size_t d = 0; d < DIM; d++)
                a += (double)x->in[0][t * QUERY + h * DIM + d] * x->in[1][s * KV + at + d];
            sum += p[s] = taken[s] ? exp(a / sqrt(DIM)) : 0;
        }
        for (size_t d = 0; d < DIM; d++)
            o[h * DIM + d] = 0;
        for (size_t s = 0; s <= t; s++)
            for (size_t d = 0; d < DIM; d++)
                o[h * DIM + d] += p[s] / sum * x->in[2][s * KV + at + d];
    }
}

static float *run_plainly(const struct lte_dsa_op *op, const struct inputs *x)
{
    float *out = malloc(TOKENS * QUERY * sizeof *out);
    for (size_t t = 0; t < TOKENS; t++) {
        bool taken[TOKENS];
        double o[QUERY];
        select_plainly(op, x, t, taken);
        attend_plainly(x, t, taken, o);
        for (size_t d = 0; d < QUERY; d++)
            out[t * QUERY + d] = (float)o[d];
    }
    return out;
}

// ---- the op

static void compute(struct lte_par *par, void *arg)
{
    struct lte_exec *x = arg;
    x->par = par;
    lte_op_table[x->graph->op->kind]->compute(x, x->graph->op);
}

struct rig {
    struct lte_op op;
    struct lte_graph graph;
    struct lte_model model;
};

static void set_rig(struct rig *r, struct lte_context *c, struct inputs *x)
{
    r->graph = (struct lte_graph){.op = &r->op, .ops = 1, .head = 1, .width = x->width, .values = 5,
                                  .slots = 1};
    r->model = (struct lte_model){.context = c, .graph = &r->graph, .vocabulary = 1};
}

// One row each of sessions whose tokens begin at[i], or n rows of one.
static void run_rows(const struct rig *r, const struct inputs *x, struct lte_session *const *s,
                     const size_t *at, size_t sessions, size_t n, float *out)
{
    struct lte_segment segment[4];
    const size_t rows = sessions > 1 ? sessions : n;
    struct lte_exec e = {.graph = &r->graph, .context = r->model.context,
                         .kernels = &r->model.context->kernels, .memory = lte_session_memory(s[0]),
                         .segment = segment, .segments = sessions, .rows = rows};
    for (size_t i = 0; i < sessions; i++)
        segment[i] = (struct lte_segment){s[i], i, sessions > 1 ? 1 : n, at[i]};
    for (size_t i = 0; i < 4; i++)
        for (size_t row = 0; row < rows; row++)
            memcpy(lte_exec_value(&e, (lte_value)i) + row * x->width[i],
                   x->in[i] + (sessions > 1 ? at[row] : at[0] + row) * x->width[i],
                   x->width[i] * sizeof(float));
    lte_par_run(r->model.context->par, compute, &e);
    memcpy(out, lte_exec_value(&e, 4), rows * QUERY * sizeof(float));
}

static void run_op(struct lte_context *c, const struct lte_dsa_op *op, struct inputs *x, size_t piece,
                   enum lte_dtype type, float *out)
{
    struct rig r = {.op = {.kind = LTE_OP_DSA, .in = {0, 1, 2, 3}, .out = 4, .dsa = *op}};
    struct lte_session_params params;
    struct lte_session *s;
    set_rig(&r, c, x);
    lte_session_params_init(&params);
    params.max_tokens = TOKENS;
    params.batch = (uint32_t)piece;
    params.kv_dtype = type;
    r.model.layers = r.model.loops = 1;
    struct lte_layer layer = {.mixer = LTE_MIXER_DSA};
    r.model.layer = &layer;
    if (lte_session_new(&r.model, &params, &s) != LTE_OK)
        exit(99);
    for (size_t at = 0; at < TOKENS; at += piece)
        run_rows(&r, x, &s, &at, 1, TOKENS - at < piece ? TOKENS - at : piece, out + at * QUERY);
    lte_session_free(s);
}

static void check_rule(struct lte_context *c, const char *level, enum lte_index_rule rule)
{
    static const size_t tops[] = {1, 16, 33, TOKENS}, pieces[] = {1, 2, 7, 16, 40, TOKENS};
    static const char *const names[] = {"", "relu", "mean"};
    static float out[TOKENS * QUERY];
    for (size_t i = 0; i < 4; i++) {
        const struct lte_dsa_op op = make_op(rule, tops[i]);
        struct inputs x = make_inputs(&op);
        float *want = run_plainly(&op, &x);
        double worst = 0;
        for (size_t p = 0; p < 6; p++) {
            run_op(c, &op, &x, pieces[p], LTE_DTYPE_F32, out);
            worst = fmax(worst, inside_error(out, want, TOKENS * QUERY));
        }
        check_ok(worst < 1e-5, "%s %s, %zu of %d tokens: any split, as by arithmetic: %.1e", level,
                 names[rule], tops[i], TOKENS, worst);
        run_op(c, &op, &x, 40, LTE_DTYPE_BF16, out); // integers are exact: the same tokens
        worst = inside_error(out, want, TOKENS * QUERY);
        check_ok(worst < 0.03, "%s %s, %zu tokens, bf16 cache: %.1e", level, names[rule], tops[i], worst);
        free(want);
        free_inputs(&x);
    }
}

// Keys and values of several sessions of unlike positions, then one token of each together.
static void check_step(struct lte_context *c, const char *level)
{
    static const size_t positions[] = {120, 3, 77};
    const struct lte_dsa_op op = make_op(LTE_INDEX_RELU, 16);
    struct inputs x = make_inputs(&op);
    struct rig r = {.op = {.kind = LTE_OP_DSA, .in = {0, 1, 2, 3}, .out = 4, .dsa = op}};
    struct lte_layer layer = {.mixer = LTE_MIXER_DSA};
    struct lte_session *s[3];
    struct lte_session_params params;
    float alone[3 * QUERY], together[3 * QUERY], *skip = malloc(TOKENS * QUERY * sizeof *skip);
    set_rig(&r, c, &x);
    r.model.layer = &layer;
    r.model.layers = r.model.loops = 1;
    lte_session_params_init(&params);
    params.max_tokens = TOKENS;
    params.batch = TOKENS;
    for (size_t i = 0; i < 3; i++) {
        const size_t begin = 0;
        if (lte_session_new(&r.model, &params, &s[i]) != LTE_OK)
            exit(99);
        run_rows(&r, &x, &s[i], &begin, 1, positions[i], skip);
        run_rows(&r, &x, &s[i], &positions[i], 1, 1, alone + i * QUERY);
    }
    run_rows(&r, &x, s, positions, 3, 1, together);
    check_ok(!memcmp(alone, together, sizeof alone), "%s: three sessions in a step, to the bit", level);
    for (size_t i = 0; i < 3; i++)
        lte_session_free(s[i]);
    free(skip);
    free_inputs(&x);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "spec_dsa");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 2);
        check_rule(c, *level, LTE_INDEX_RELU);
        check_rule(c, *level, LTE_INDEX_DOT);
        check_step(c, *level);
        lte_close(c);
    }
    return check_end();
}
