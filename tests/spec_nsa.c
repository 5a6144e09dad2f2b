// SPDX-License-Identifier: BSD-2-Clause
// Native sparse attention: the vectors of the specification's T24, any split, and dense attention
// where the selection or the window has room for every token.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sparse/nsa.h"
#include "tests/check.h"
#include "tests/inside.h"

enum { TOKENS = 24, HEADS = 2, DIM = 4, BLOCK = 4, TOP = 4, WINDOW = 4, MEANS = TOKENS / BLOCK };

static const struct lte_nsa_op t24 = {HEADS, 1, DIM, BLOCK, TOP, WINDOW};

struct inputs {
    float q[TOKENS * HEADS * DIM], k[TOKENS * DIM], v[TOKENS * DIM], gate[TOKENS * HEADS * 3];
};

// The sequence of the specification: element i of u(c).
static double u(double c, size_t i)
{
    return sin(c + 0.7 * (double)i);
}

static void fill(struct inputs *in)
{
    for (size_t i = 0; i < TOKENS * HEADS * DIM; i++)
        in->q[i] = (float)(2 * u(.1, i));
    for (size_t i = 0; i < TOKENS * DIM; i++) {
        in->k[i] = (float)(2 * pow(u(.2, i), 3));
        in->v[i] = (float)u(.3, i);
    }
    for (size_t i = 0; i < TOKENS * HEADS * 3; i++)
        in->gate[i] = (float)u(.4, i);
}

static void compute(struct lte_par *par, void *arg)
{
    struct lte_exec *x = arg;
    x->par = par;
    lte_op_nsa.compute(x, x->graph->op);
}

// The op over all tokens in pieces.
static void run_op(struct lte_context *c, const struct inputs *in, size_t piece, float *out)
{
    size_t width[] = {HEADS * DIM, DIM, DIM, HEADS * 3, HEADS * DIM};
    const float *const from[] = {in->q, in->k, in->v, in->gate};
    struct lte_op op = {.kind = LTE_OP_NSA, .in = {0, 1, 2, 3}, .out = 4, .nsa = t24};
    struct lte_graph g = {.op = &op, .ops = 1, .head = 1, .width = width, .values = 5, .slots = 1};
    const struct lte_model m = {.context = c, .graph = &g, .vocabulary = 1};
    struct lte_session *s = inside_session(&m, (uint32_t)piece);
    for (size_t at = 0; at < TOKENS; at += piece) {
        const size_t n = TOKENS - at < piece ? TOKENS - at : piece;
        const struct lte_segment segment = {s, 0, n, at};
        struct lte_exec x = {.graph = &g, .context = c, .kernels = &c->kernels,
                             .memory = lte_session_memory(s), .segment = &segment, .segments = 1,
                             .rows = n};
        for (size_t i = 0; i < 4; i++)
            memcpy(lte_exec_value(&x, (lte_value)i), from[i] + at * width[i],
                   n * width[i] * sizeof(float));
        lte_par_run(c->par, compute, &x);
        memcpy(out + at * width[4], lte_exec_value(&x, 4), n * width[4] * sizeof(float));
    }
    lte_session_free(s);
}

static bool check_values(const float *out)
{
    static const struct {
        size_t token;
        float o[HEADS * DIM];
    } wanted[] = {
        {2, {-.191086f, .304777f, .657299f, .700683f, .108093f, .246701f, .269282f, .165215f}},
        {3, {.125156f, -.309857f, -.599139f, -.606637f, .271956f, .659673f, .737136f, .467912f}},
        {23, {.154801f, -.257238f, -.548294f, -.581478f, -.168030f, .343391f, .693310f, .717154f}}};
    bool good = true;
    for (size_t i = 0; i < 3; i++)
        for (size_t d = 0; d < HEADS * DIM; d++)
            good &= fabsf(out[wanted[i].token * HEADS * DIM + d] - wanted[i].o[d]) < 2e-6f;
    return good;
}

static void check_outputs(struct lte_context *c, const char *level, const struct inputs *in)
{
    float whole[TOKENS * HEADS * DIM], split[TOKENS * HEADS * DIM];
    bool same = true;
    run_op(c, in, TOKENS, whole);
    check_ok(check_values(whole), "T24 %s: outputs", level);
    for (size_t piece = 1; piece < TOKENS; piece++) {
        run_op(c, in, piece, split);
        same &= inside_error(split, whole, TOKENS * HEADS * DIM) < 1e-6 && check_values(split);
    }
    check_ok(same, "T24 %s: in pieces of 1 to %d", level, TOKENS - 1);
}

struct branches {
    float o[LTE_NSA_BRANCHES][TOKENS * HEADS * DIM];
    uint32_t unit[TOKENS * MEANS];
};

// The branches of all queries from keys that all are there, `step` queries at a time.
static void run_branches(const struct lte_kernels *kernels, const struct lte_nsa_op *op,
                         const struct inputs *in, size_t step, struct branches *b)
{
    float pool_k[MEANS * DIM], pool_v[MEANS * DIM], row[DIM];
    lte_nsa_pool(op, kernels, in->k, DIM, LTE_DTYPE_F32, 0, TOKENS / op->block, pool_k, row);
    lte_nsa_pool(op, kernels, in->v, DIM, LTE_DTYPE_F32, 0, TOKENS / op->block, pool_v, row);
    const struct lte_nsa_keys keys = {in->k, in->v, DIM, LTE_DTYPE_F32, pool_k, pool_v};
    for (size_t i = 0; i < TOKENS; i += step) {
        const size_t at = i * HEADS * DIM;
        const struct lte_nsa_queries q = {.q = in->q + at, .q_stride = HEADS * DIM, .position = i,
                                          .count = TOKENS - i < step ? TOKENS - i : step,
                                          .o = {b->o[0] + at, b->o[1] + at, b->o[2] + at},
                                          .o_stride = HEADS * DIM, .unit = b->unit + i * MEANS,
                                          .unit_stride = MEANS, .units = MEANS};
        void *scratch = check_buffer(lte_nsa_scratch(op, TOKENS), 0);
        lte_nsa_attend(op, kernels, &keys, &q, scratch);
    }
}

static void check_blocks(const struct lte_kernels *kernels, const char *level,
                         const struct inputs *in)
{
    enum { NONE = -1 };
    static const int wanted[][1 + MEANS] = {
        {3, 0, NONE, NONE, NONE, NONE, NONE}, {4, 0, 1, NONE, NONE, NONE, NONE},
        {8, 0, 1, 2, NONE, NONE, NONE},       {15, 0, 1, 2, 3, NONE, NONE},
        {16, 0, 2, 3, 4, NONE, NONE},         {17, 0, 1, 3, 4, NONE, NONE},
        {20, 0, 1, 4, 5, NONE, NONE},         {21, 0, 2, 4, 5, NONE, NONE},
        {23, 0, 3, 4, 5, NONE, NONE}};
    static struct branches b;
    bool good = true;
    for (size_t step = 1; step <= LTE_ATTEND_QUERIES; step++) {
        run_branches(kernels, &t24, in, step, &b);
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            for (size_t n = 0; n < MEANS; n++)
                good &= (int32_t)b.unit[(size_t)wanted[i][0] * MEANS + n] == wanted[i][1 + n];
    }
    check_ok(good && check_guards(), "T24 %s: selected blocks", level);
    check_free_buffers();
}

// All keys in one span, one query at a time: what the selection does when it holds everything.
static void dense(const struct lte_kernels *kernels, const struct inputs *in, float *o)
{
    uint32_t from[TOKENS], until[TOKENS];
    for (uint32_t s = 0; s < TOKENS; s++) {
        from[s] = s;
        until[s] = UINT32_MAX;
    }
    const struct lte_kv_span span = {.k = in->k, .v = in->v, .k_stride = DIM, .v_stride = DIM,
                                     .from = from, .until = until, .keys = TOKENS};
    for (size_t i = 0; i < TOKENS; i++)
        kernels->attend[LTE_DTYPE_F32](&(struct lte_attend_args){
            .q = in->q, .o = o, .q_stride = HEADS * DIM, .o_stride = HEADS * DIM, .first = i,
            .count = 1, .group = HEADS, .head_dim = DIM, .scale = 0.5f, .span = &span, .spans = 1,
            .scratch = check_floats(lte_attend_scratch(HEADS, DIM))});
}

static void check_dense(const struct lte_kernels *kernels, const char *level,
                        const struct inputs *in)
{
    static struct branches b;
    float want[TOKENS * HEADS * DIM];
    struct lte_nsa_op op = t24;
    op.top = MEANS;
    op.window = TOKENS;
    dense(kernels, in, want);
    run_branches(kernels, &op, in, 7, &b);
    check_ok(!memcmp(b.o[LTE_NSA_SELECTED], want, sizeof want),
             "%s: a selection of every block is dense attention, to the bit", level);
    check_ok(inside_error(b.o[LTE_NSA_WINDOW], want, TOKENS * HEADS * DIM) < 1e-6,
             "%s: and so is a window of every token", level);
    check_free_buffers();
}

int main(int argc, char **argv)
{
    static struct inputs in;
    check_begin(argc, argv, "spec_nsa");
    fill(&in);
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 1);
        check_outputs(c, *level, &in);
        check_blocks(&c->kernels, *level, &in);
        check_dense(&c->kernels, *level, &in);
        lte_close(c);
    }
    return check_end();
}
