// SPDX-License-Identifier: BSD-2-Clause
// The attend op with its cache against a model of the rules written down token by token: windows,
// sinks, streaming eviction (N1-N5 of learnable token eviction), any split into calls.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/inside.h"

enum { TOKENS = 160 };

struct shape {
    const char *name;
    struct lte_attend_op op;
};

static const struct shape shapes[] = {
    {"full", {.heads = 4, .key_heads = 2, .head_dim = 8}},
    {"window 1", {.heads = 2, .key_heads = 2, .head_dim = 5, .window = 1}},
    {"window 17", {.heads = 3, .key_heads = 1, .head_dim = 40, .window = 17}},
    {"window 1000", {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 1000}},
    {"T18: lte 32+8",
     {.heads = 4, .key_heads = 2, .head_dim = 8, .window = 32, .buffer = 8, .sinks = 4, .delay = 6,
      .retains = true}},
    {"lte 7+3, the shortest window",
     {.heads = 2, .key_heads = 2, .head_dim = 16, .window = 7, .buffer = 3, .sinks = 1, .delay = 6,
      .retains = true}},
    {"lte 20+200, never full",
     {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 20, .buffer = 200, .sinks = 4, .delay = 6,
      .retains = true}},
    {"lte, sinks alone",
     {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 12, .buffer = 4, .sinks = 4, .delay = 6,
      .retains = true}},
    {"lte, delay 0, no sinks",
     {.heads = 2, .key_heads = 1, .head_dim = 8, .window = 4, .buffer = 5, .sinks = 0, .delay = 0,
      .retains = true}},
};

// One op as a whole model: values 0 q, 1 k, 2 v, 3 scores, 4 output.
struct rig {
    struct lte_op op;
    struct lte_graph graph;
    struct lte_model model;
    size_t width[5];
    lte_value layer_output[2];
    float *q, *k, *v, *o; // [TOKENS][...]
    float *score;         // [TOKENS][key_heads]: final score of each token
};

static float *random_floats(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = check_normal();
    return x;
}

static void rig_open(struct rig *r, struct lte_context *c, const struct lte_attend_op *a)
{
    const size_t kv = a->key_heads * a->head_dim, q = a->heads * a->head_dim;
    *r = (struct rig){.op = {.kind = LTE_OP_ATTEND, .in = {0, 1, 2, 3}, .out = 4, .attend = *a},
                      .width = {q, kv, kv, a->key_heads, q}};
    r->graph = (struct lte_graph){.op = &r->op, .ops = 1, .head = 1, .width = r->width, .values = 5,
                                  .slots = 1, .layer_output = r->layer_output};
    r->model = (struct lte_model){.context = c, .graph = &r->graph, .vocabulary = 1};
    r->q = random_floats(TOKENS * q);
    r->k = random_floats(TOKENS * kv);
    r->v = random_floats(TOKENS * kv);
    r->o = random_floats(TOKENS * q);
    r->score = random_floats(TOKENS * a->key_heads);
    for (size_t i = 0; i < TOKENS * a->key_heads; i++) // ties and exact zeros happen
        r->score[i] = roundf(r->score[i] * 4) / 8;
}

static void rig_close(struct rig *r)
{
    free(r->q);
    free(r->k);
    free(r->v);
    free(r->o);
    free(r->score);
}

static void compute(struct lte_par *par, void *arg)
{
    struct lte_exec *x = arg;
    x->par = par;
    lte_op_attend.compute(x, x->graph->op);
}

// Feeds tokens [at, at + n) through the op.
static void call(struct rig *r, struct lte_session *s, size_t at, size_t n)
{
    const struct lte_attend_op *a = &r->op.attend;
    const struct lte_segment g = {s, 0, n, at};
    struct lte_exec x = {.graph = &r->graph, .context = r->model.context,
                         .kernels = &r->model.context->kernels, .memory = lte_session_memory(s), .segment = &g,
                         .segments = 1, .rows = n};
    memcpy(lte_exec_value(&x, 0), r->q + at * r->width[0], n * r->width[0] * sizeof(float));
    memcpy(lte_exec_value(&x, 1), r->k + at * r->width[1], n * r->width[1] * sizeof(float));
    memcpy(lte_exec_value(&x, 2), r->v + at * r->width[2], n * r->width[2] * sizeof(float));
    float *score = lte_exec_value(&x, 3);
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < a->key_heads; h++) // what a scorer with this delay gives out
            score[i * a->key_heads + h] =
                at + i >= a->delay ? r->score[(at + i - a->delay) * a->key_heads + h] : NAN;
    lte_par_run(r->model.context->par, compute, &x);
    memcpy(r->o + at * r->width[4], lte_exec_value(&x, 4), n * r->width[4] * sizeof(float));
    s->position = at + n;
}

// The tokens that query p sees in head h, by the rules: buffer[] is kept from token to token.
struct rules {
    int token[256];
    size_t used;
};

static float rule_score(const struct rig *r, int token, size_t h)
{
    const struct lte_attend_op *a = &r->op.attend;
    return token < (int)a->sinks ? INFINITY : r->score[(size_t)token * a->key_heads + h];
}

static void leave(const struct rig *r, struct rules *b, int token, size_t h)
{
    const float s = rule_score(r, token, h);
    if (!(s > 0) || !r->op.attend.buffer)
        return;
    if (b->used < r->op.attend.buffer) {
        b->token[b->used++] = token;
        return;
    }
    size_t least = 0;
    for (size_t i = 1; i < b->used; i++)
        if (rule_score(r, b->token[i], h) < rule_score(r, b->token[least], h))
            least = i;
    if (s > rule_score(r, b->token[least], h))
        b->token[least] = token;
}

static void dense(const struct rig *r, int p, size_t head, const unsigned char *visible, float *o)
{
    const struct lte_attend_op *a = &r->op.attend;
    const size_t kv = head / (a->heads / a->key_heads), dim = a->head_dim;
    const float *q = r->q + (size_t)p * r->width[0] + head * dim;
    double sum = 0, out[64] = {0}, top = -INFINITY, s[TOKENS];
    for (int j = 0; j <= p; j++) {
        const float *k = r->k + (size_t)j * r->width[1] + kv * dim;
        s[j] = 0;
        for (size_t i = 0; i < dim; i++)
            s[j] += (double)q[i] * k[i] / sqrt((double)dim);
        top = visible[j] ? fmax(top, s[j]) : top;
    }
    for (int j = 0; j <= p; j++) {
        const double w = visible[j] ? exp(s[j] - top) : 0;
        sum += w;
        for (size_t i = 0; i < dim; i++)
            out[i] += w * r->v[(size_t)j * r->width[2] + kv * dim + i];
    }
    for (size_t i = 0; i < dim; i++)
        o[i] = (float)(out[i] / sum);
}

static void reference(const struct rig *r, float *o)
{
    const struct lte_attend_op *a = &r->op.attend;
    const size_t group = a->heads / a->key_heads;
    for (size_t h = 0; h < a->key_heads; h++) {
        struct rules buffer = {.used = 0};
        for (int p = 0; p < TOKENS; p++) {
            unsigned char visible[TOKENS] = {0};
            const int window = a->window ? (int)a->window : TOKENS;
            if (p >= window && a->retains)
                leave(r, &buffer, p - window, h);
            for (int j = p - window + 1 > 0 ? p - window + 1 : 0; j <= p; j++)
                visible[j] = 1;
            for (size_t i = 0; i < buffer.used; i++)
                visible[buffer.token[i]] = 1;
            for (size_t g = h * group; g < (h + 1) * group; g++)
                dense(r, p, g, visible, o + (size_t)p * r->width[4] + g * a->head_dim);
        }
    }
}

// Feeds everything in pieces: 0 random sizes, else pieces of that size, after a prompt of `prompt`.
static void feed(struct rig *r, struct lte_session *s, size_t prompt, size_t piece)
{
    lte_session_reset(s);
    if (prompt)
        call(r, s, 0, prompt);
    for (size_t at = prompt; at < TOKENS;) {
        size_t n = piece ? piece : 1 + check_below(50);
        n = n < TOKENS - at ? n : TOKENS - at;
        call(r, s, at, n);
        at += n;
    }
}

static bool agrees(const struct rig *r, const float *want, const char *name, size_t prompt, size_t piece,
                   double tolerance)
{
    const double e = inside_error(r->o, want, TOKENS * r->width[4]);
    if (!(e <= tolerance))
        check_note("%s: prompt %zu, pieces of %zu: error %.3g", name, prompt, piece, e);
    return e <= tolerance;
}

static void check_shape(struct lte_context *c, const struct shape *shape, const char *level)
{
    static const size_t pieces[] = {1, 2, 5, 16, 33, TOKENS};
    struct rig r;
    rig_open(&r, c, &shape->op);
    float *want = malloc(TOKENS * r.width[4] * sizeof *want);
    reference(&r, want);
    struct lte_session *s = inside_session(&r.model, TOKENS);
    bool good = true;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        feed(&r, s, 0, pieces[i]);
        good &= agrees(&r, want, shape->name, 0, pieces[i], 1e-5);
    }
    check_ok(good, "%s: %s: pieces of 1 to %d tokens equal the rules", level, shape->name, TOKENS);
    good = true;
    // T11: around the window; T18: every length
    for (size_t prompt = 1; prompt <= 40; prompt++)
        if (prompt < 3 || shape->op.window == 32 || prompt - shape->op.window + 1 < 3) {
            feed(&r, s, prompt, 1);
            good &= agrees(&r, want, shape->name, prompt, 1, 1e-5);
        }
    check_ok(good, "%s: %s: prompts up to 40, then one by one", level, shape->name);
    good = true;
    for (int i = 0; i < 3; i++) {
        feed(&r, s, 0, 0);
        good &= agrees(&r, want, shape->name, 0, 0, 1e-5);
    }
    check_ok(good, "%s: %s: random pieces", level, shape->name);
    lte_session_free(s);

    // 16-bit entries: rounding the inputs first makes the fp32 rules the answer
    struct lte_session_params p;
    lte_session_params_init(&p);
    p.batch = TOKENS;
    for (int type = LTE_DTYPE_BF16; type <= LTE_DTYPE_F16; type++) {
        p.kv_dtype = (enum lte_dtype)type;
        uint16_t half[64];
        for (size_t i = 0; i < TOKENS * r.width[1]; i++) {
            c->kernels.narrow[type](half, &r.k[i], 1);
            c->kernels.widen[type](&r.k[i], half, 1);
            c->kernels.narrow[type](half, &r.v[i], 1);
            c->kernels.widen[type](&r.v[i], half, 1);
        }
        reference(&r, want);
        if (lte_session_new(&r.model, &p, &s) != LTE_OK)
            exit(99);
        good = true;
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            feed(&r, s, 0, pieces[i]);
            good &= agrees(&r, want, shape->name, 0, pieces[i], 1e-5);
        }
        check_ok(good, "%s: %s: entries kept as %s", level, shape->name, lte_dtype_name(p.kv_dtype));
        lte_session_free(s);
    }
    free(want);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "retention");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 2);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_shape(c, &shapes[i], *level);
        lte_close(c);
    }
    return check_end();
}
