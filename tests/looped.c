// SPDX-License-Identifier: BSD-2-Clause
// Looped models: every slot's stream against recorded answers, in any split; what gates, loops and
// options mean.
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/answers.h"
#include "tests/check.h"
#include "tests/fixture.h"

static const char *const models[] = {"lt2", "lt2_hybrid", "lt2_heads", "ouro"};

// [slots][tokens][width], as the layers put it out.
struct streams {
    const struct lte_graph *graph;
    float *row;
    size_t tokens, width;
};

static void observe(void *opaque, const struct lte_exec *x, size_t i)
{
    struct streams *s = opaque;
    const lte_value out = x->graph->op[i].out;
    for (uint32_t k = 0; i < x->graph->head && k < x->graph->slots; k++)
        if (x->graph->layer_output[k + 1] == out)
            memcpy(s->row + (k * s->tokens + x->segment[0].position) * s->width,
                   lte_exec_value(x, out), x->rows * s->width * sizeof(float));
}

static void check_streams(const struct answers *a, const struct lte_model *m, const char *level,
                          const char *name)
{
    static const size_t pieces[] = {256, 1, 2, 3};
    size_t tokens;
    uint32_t *ids = answers_ids(a, "input_ids", &tokens);
    struct streams seen = {m->graph, NULL, tokens, m->width};
    seen.row = malloc(m->graph->slots * tokens * m->width * sizeof *seen.row);
    for (size_t p = 0; p < 4; p++) {
        struct lte_session *s = inside_session(m, 256);
        bool good = true;
        memset(seen.row, 0xff, m->graph->slots * tokens * m->width * sizeof *seen.row);
        s->observe = observe;
        s->observe_opaque = &seen;
        for (size_t at = 0; at < tokens; at += pieces[p])
            lte_session_feed(s, ids + at, at + pieces[p] < tokens ? pieces[p] : tokens - at,
                             LTE_LOGITS_NONE, NULL);
        for (uint32_t k = 0; k < m->graph->slots; k++) {
            size_t count;
            float *want = answers_floats(a, "stream", (int)k, &count);
            good &= count == tokens * m->width &&
                    answers_near(a, "stream", (int)k, seen.row + k * count, want, count, 1e-4);
            free(want);
        }
        check_ok(good, "%s: %s: the stream of all %u slots, %zu tokens at a time", level, name,
                 (unsigned)m->graph->slots, pieces[p]);
        lte_session_free(s);
    }
    free(seen.row);
    free(ids);
}

static void check_recorded(struct lte_context *c, const char *level)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        char file[256];
        struct lte_model *m = inside_random_model(c, models[i]);
        snprintf(file, sizeof file, "tests/data/models/%s.safetensors", models[i]);
        struct answers a = answers_open(c, file);
        check_streams(&a, m, level, models[i]);
        lte_tensors_close(a.tensors);
        lte_model_free(m);
    }
}

// A fresh model of a config, in the fixture's folder.
static struct lte_model *make(struct fixture *f, uint32_t loops, const char *config)
{
    struct lte_model_params p;
    struct lte_model *m = NULL;
    char text[2048];
    size_t n = 0;
    for (; config[n] && n + 1 < sizeof text; n++)
        text[n] = config[n] == '\'' ? '"' : config[n];
    fixture_write(f, "config.json", text, n);
    unlink(fixture_path(f, "model.safetensors"));
    lte_model_params_init(&p);
    p.loops = loops;
    if (lte_model_init(f->context, fixture_path(f, "config.json"), f->folder, LTE_DTYPE_F32, 5) ||
        lte_model_load_with(f->context, f->folder, &p, &m) != LTE_OK)
        printf("# %s\n", f->log);
    return m;
}

enum { TOKENS = 40 };

enum { EXITS = 3 };

// The logits of leaving, [tokens][EXITS - 1].
static void see_leaving(void *opaque, const struct lte_exec *x, size_t i)
{
    const struct lte_op *op = &x->graph->op[i];
    if (op->kind == LTE_OP_LOOP_EXIT && op->loop_exit.loop == EXITS - 1)
        memcpy((float *)opaque + x->segment[0].position * (EXITS - 1), lte_exec_value(x, op->in[1]),
               x->rows * (EXITS - 1) * sizeof(float));
}

// TOKENS tokens, so many at a time; leaving: NULL, or see_leaving()'s.
static void read_tokens(const struct lte_model *m, const struct lte_session_params *params,
                        size_t piece, float *logits, float *leaving)
{
    uint32_t ids[TOKENS];
    struct lte_session *s;
    for (uint32_t i = 0; i < TOKENS; i++)
        ids[i] = (i * i + 3 * i) % m->vocabulary;
    if (lte_session_new(m, params, &s) != LTE_OK)
        exit(99);
    s->observe = leaving ? see_leaving : NULL;
    s->observe_opaque = leaving;
    for (size_t at = 0; at < TOKENS; at += piece)
        if (lte_session_feed(s, ids + at, at + piece < TOKENS ? piece : TOKENS - at, LTE_LOGITS_ALL,
                             logits + at * m->vocabulary) != LTE_OK)
            exit(99);
    lte_session_free(s);
}

static float *logits_of(const struct lte_model *m, const struct lte_session_params *params)
{
    float *logits = malloc(TOKENS * (size_t)m->vocabulary * sizeof *logits);
    read_tokens(m, params, TOKENS, logits, NULL);
    return logits;
}

// Whether two configs, the first run so many loops, give the same bits.
static bool alike(const char *one, uint32_t loops, const char *other)
{
    struct fixture f;
    fixture_open(&f);
    struct lte_model *a = make(&f, loops, one), *b = make(&f, 0, other);
    bool same = a && b;
    if (same) {
        float *x = logits_of(a, NULL), *y = logits_of(b, NULL);
        same = !memcmp(x, y, TOKENS * (size_t)a->vocabulary * sizeof *x);
        free(x);
        free(y);
    }
    lte_model_free(a);
    lte_model_free(b);
    return fixture_close(&f) && same;
}

#define SIZES                                                                                    \
    "'hidden_size':32,'num_hidden_layers':3,'num_heads':2,'intermediate_size':48,'vocab_size':64," \
    "'initializer_range':0.2,'tie_word_embeddings':true,"
#define LT2 "{'model_type':'lt2'," SIZES

static void check_meaning(void)
{
    check_ok(alike(LT2 "'num_loops':1,'residual_gate':'none','rope_interleaved':false}", 0,
                   "{'model_type':'transformer'," SIZES "'rope_theta':10000}"),
             "T = 1 is the plain transformer, to the bit");
    check_ok(alike(LT2 "'num_loops':1,'residual_gate':'none','layer_types':'gdn',"
                       "'gdn':{'head_dim':12,'norm_eps':1e-6}}",
                   0,
                   "{'model_type':'gated_deltanet'," SIZES "'head_dim':12,'expand_v':2,"
                   "'norm_eps':1e-6}"),
             "T = 1 of gdn layers is the plain gated DeltaNet, to the bit");
    check_ok(alike(LT2 "'num_loops':3,'layer_types':'2:1'}", 0,
                   LT2 "'num_loops':3,'layer_types':'2:1','residual_gate':'none'}"),
             "a residual gate of 0 is none");
    check_ok(alike(LT2 "'num_loops':3,'block_residual':true}", 0, LT2 "'num_loops':3}"),
             "a block residual of 0 is none");
    check_ok(!alike(LT2 "'num_loops':3,'gate_init_range':0.1}", 0, LT2 "'num_loops':3}"),
             "one that is not 0 does something");
    check_ok(alike(LT2 "'num_loops':3,'gate_init_range':0.1}", 2,
                   LT2 "'num_loops':2,'gate_init_range':0.1}"),
             "a model run fewer loops is the model of so many loops");
    check_ok(alike(LT2 "'num_loops':2,'residual_gate':'none'}", 5,
                   LT2 "'num_loops':5,'residual_gate':'none'}"),
             "and more loops, where loops have no weights of their own");
    check_ok(alike(LT2 "'num_loops':2,'window_pattern':'SWA=5->SWA=5'}", 0,
                   LT2 "'num_loops':2,'window_pattern':'1:0','window_size':5}"),
             "the same windows, written in two ways");
    check_ok(alike(LT2 "'num_loops':2,'layer_types':'interleaved:1:2:full:gdn'}", 0,
                   LT2 "'num_loops':2,'layer_types':'full,gdn,gdn'}"),
             "the same layers, written in two ways");
}

static void check_refused(void)
{
    static const struct {
        const char *config;
        uint32_t loops;
    } cases[] = {
        {LT2 "'num_loops':2}", 3},
        {LT2 "'num_loops':2,'residual_gate':'none','window_pattern':'full->SWA=4'}", 3},
        {LT2 "'num_loops':2,'residual_gate':'none'}", 65},
        {"{'model_type':'transformer'," SIZES "'window_size':3,'qk_norm':true}", 65},
    };
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        struct lte_model *m;
        fixture_open(&f);
        lte_model_free(make(&f, 0, cases[i].config));
        struct lte_model_params p = {.loops = cases[i].loops};
        fixture_clear(&f);
        const enum lte_status status = lte_model_load_with(f.context, f.folder, &p, &m);
        check_ok(status == LTE_ERR_ARGUMENT && !m && fixture_said(&f, "loops", NULL),
                 "%u loops are refused", (unsigned)cases[i].loops);
        check_ok(fixture_close(&f), "nothing is left");
    }
}

// With weights of 0 the gate stands half open.
static void see_half(void *opaque, const struct lte_exec *x, size_t i)
{
    const struct lte_op *op = &x->graph->op[i];
    bool *half = opaque;
    if (op->kind != LTE_OP_SDPA_GATE)
        return;
    const float *from = lte_exec_value(x, op->in[0]), *to = lte_exec_value(x, op->out);
    half[1] = true;
    for (size_t k = 0; k < x->rows * lte_exec_width(x, op->out); k++)
        half[0] &= to[k] == from[k] / 2;
}

static void check_half(const char *kind)
{
    struct fixture f;
    char config[512];
    bool half[2] = {true, false};
    const uint32_t ids[] = {3, 1, 4, 1, 5};
    snprintf(config, sizeof config, LT2 "'attn_gate':'%s'}", kind);
    fixture_open(&f);
    struct lte_model *m = make(&f, 0, config);
    struct lte_session *s = inside_session(m, 5);
    s->observe = see_half;
    s->observe_opaque = half;
    lte_session_feed(s, ids, 5, LTE_LOGITS_NONE, NULL);
    check_ok(half[0] && half[1], "%s gate of weight 0: half of what attention puts out", kind);
    lte_session_free(s);
    lte_model_free(m);
    check_ok(fixture_close(&f), "nothing is left");
}

#define OURO                                                                                    \
    "{'model_type':'ouro','hidden_size':32,'num_hidden_layers':2,'num_attention_heads':2,"          \
    "'intermediate_size':48,'vocab_size':64,'total_ut_steps':3,'initializer_range':0.2}"

// What leaves after loop n is what a model of n loops says.
static void check_exit(void)
{
    struct fixture f;
    struct lte_session_params p;
    fixture_open(&f);
    struct lte_model *three = make(&f, 0, OURO), *one = make(&f, 1, OURO);
    struct lte_model_info info;
    const size_t bytes = TOKENS * (size_t)three->vocabulary * sizeof(float);
    lte_session_params_init(&p);
    p.exit_threshold = 1e-30f;
    float *first = logits_of(three, &p), *alone = logits_of(one, &p);
    check_ok(!memcmp(first, alone, bytes), "any chance is enough: the first loop's logits");
    p.exit_threshold = 2;
    float *last = logits_of(three, &p), *said = logits_of(three, NULL);
    check_ok(memcmp(first, last, bytes), "none is enough: others");
    check_ok(!memcmp(last, said, bytes), "at the threshold 1 of the config nobody leaves early");
    p.exit_threshold = -1;
    struct lte_session *s;
    check_ok(lte_session_new(three, &p, &s) == LTE_ERR_ARGUMENT, "a threshold below 0 is refused");
    lte_model_describe(three, &info);
    check_ok(info.exit_threshold == 1 && info.loops == 3, "the model says so");
    lte_model_describe(one, &info);
    check_ok(info.loops == 1 && info.trained_loops == 3, "and how many loops it was made for");
    lte_model_free(one);
    one = make(&f, 0, LT2 "'num_loops':2,'early_exit_threshold':0.5}");
    lte_model_describe(one, &info);
    check_ok(info.exit_threshold == 0, "a model without a gate has no threshold");
    free(first);
    free(alone);
    free(last);
    free(said);
    lte_model_free(one);
    lte_model_free(three);
    check_ok(fixture_close(&f), "nothing is left");
}

static double opens(double z)
{
    return 1 / (1 + exp(-z));
}

// The mean of what models of 1, 2 and 3 loops say, each by the chance of leaving there.
static void weigh(const float *const *said, const float *leaving, size_t vocabulary, float *mean)
{
    for (size_t t = 0; t < TOKENS; t++) {
        const double first = opens(leaving[2 * t]), second = opens(leaving[2 * t + 1]);
        const double chance[EXITS] = {first, (1 - first) * second, (1 - first) * (1 - second)};
        for (size_t i = t * vocabulary; i < (t + 1) * vocabulary; i++)
            mean[i] = (float)(chance[0] * said[0][i] + chance[1] * said[1][i] + chance[2] * said[2][i]);
    }
}

static void check_weighted(void)
{
    static float leaving[TOKENS * (EXITS - 1)];
    struct fixture f;
    struct lte_session_params p;
    struct lte_model *model = NULL;
    float *said[EXITS];
    fixture_open(&f);
    lte_session_params_init(&p);
    p.exit_threshold = 2;
    for (uint32_t loops = 1; loops <= EXITS; loops++) {
        lte_model_free(model);
        model = make(&f, loops, OURO);
        said[loops - 1] = logits_of(model, &p);
    }
    const size_t size = TOKENS * (size_t)model->vocabulary;
    float *want = malloc(size * sizeof *want), *got = malloc(size * sizeof *got);
    p.exit_threshold = 1e-30f; // without effect
    p.exit_weighted = 1;
    read_tokens(model, &p, 7, got, leaving);
    weigh((const float *const *)said, leaving, model->vocabulary, want);
    const double error = inside_error(got, want, size);
    check_ok(error < 1e-5 && inside_error(said[2], want, size) > 1e-2,
             "weighted: the loops' logits by their chances, error %.1e", error);
    p.share_loops = 1;
    read_tokens(model, &p, TOKENS, want, leaving);
    check_ok(inside_error(want, got, size) < 1e-5, "the same in one piece that shares its keys");
    for (size_t i = 0; i < EXITS; i++)
        free(said[i]);
    free(want);
    free(got);
    lte_model_free(model);
    check_ok(fixture_close(&f), "nothing is left");
}

// Sharing of the last loop's keys and values: as recorded, and for a fraction of the memory.
static void check_shared(struct lte_context *c, const char *level)
{
    struct lte_model *m = inside_random_model(c, "ouro");
    struct answers a = answers_open(c, "tests/data/models/ouro.safetensors");
    struct lte_session_params p, q;
    struct lte_plan own, shared;
    struct lte_plan_slot slot;
    struct lte_session *s;
    lte_session_params_init(&p);
    q = p;
    q.share_loops = 1;
    lte_session_plan(m, &p, &own);
    lte_session_plan(m, &q, &shared);
    check_ok(own.state == m->loops * shared.state, "%s: a session that shares takes 1/%u", level,
             (unsigned)m->loops);
    bool good = true;
    for (uint32_t i = 0; i < own.slots; i++)
        good &= lte_session_plan_slot(m, &q, i, &slot) == LTE_OK &&
                (slot.bytes != 0) == (slot.loop + 1 == m->loops);
    check_ok(good, "%s: the last loop's slots alone take memory", level);
    if (lte_session_new(m, &q, &s) != LTE_OK)
        exit(99);
    float *logits = malloc(m->vocabulary * sizeof *logits);
    good = true;
    for (a.n = 0; a.n < 3; a.n++) {
        size_t tokens, count;
        uint32_t *ids = answers_ids(&a, "input_ids", &tokens);
        float *want = answers_floats(&a, "shared_logits", -1, &count);
        lte_session_reset(s);
        for (size_t i = 0; i < count / m->vocabulary; i++) {
            lte_session_feed(s, ids + i, 1, LTE_LOGITS_LAST, logits);
            good &= answers_near(&a, "shared_logits", (int)i, logits, want + i * m->vocabulary,
                                 m->vocabulary, 1e-4);
        }
        free(want);
        free(ids);
    }
    check_ok(good, "%s: shared keys and values, token by token: as recorded", level);
    free(logits);
    lte_session_free(s);
    lte_tensors_close(a.tensors);
    lte_model_free(m);
}

static void count_loops(void *opaque, const struct lte_exec *x, size_t i)
{
    unsigned *loops = opaque;
    *loops += x->graph->op[i].kind == LTE_OP_LOOP_EXIT;
}

// With shared keys and values a step ends when its tokens have left; one that left earlier than its
// neighbours is not changed by the loops that they still need.
static void check_stop(struct lte_context *c, const char *level)
{
    enum { SESSIONS = 5, STEPS = 30 };
    struct lte_model *m = inside_random_model(c, "ouro");
    struct lte_session *alone[SESSIONS], *together[SESSIONS];
    struct lte_session_params p;
    const size_t v = m->vocabulary;
    float *want = malloc(v * sizeof *want), *got = malloc(SESSIONS * v * sizeof *got);
    unsigned seen[5] = {0}, all = 0, loops = 0;
    bool good = true;
    lte_session_params_init(&p);
    p.share_loops = 1;
    for (size_t i = 0; i < SESSIONS; i++)
        if (lte_session_new(m, &p, &alone[i]) || lte_session_new(m, &p, &together[i]))
            exit(99);
    for (uint32_t n = 0; n < STEPS; n++) {
        uint32_t id[SESSIONS];
        unsigned most = 0;
        for (uint32_t i = 0; i < SESSIONS; i++)
            id[i] = (n * n + 7 * i + n * i) % m->vocabulary;
        together[0]->observe = count_loops;
        together[0]->observe_opaque = &all;
        all = 0;
        good &= lte_session_step(together, SESSIONS, id, got) == LTE_OK;
        for (size_t i = 0; i < SESSIONS; i++) {
            alone[i]->observe = count_loops;
            alone[i]->observe_opaque = &loops;
            loops = 0;
            good &= lte_session_feed(alone[i], &id[i], 1, LTE_LOGITS_LAST, want) == LTE_OK &&
                    !memcmp(want, got + i * v, v * sizeof *want);
            most = loops > most ? loops : most;
            seen[loops]++;
        }
        good &= all == most;
    }
    check_ok(good, "%s: sessions stepped together leave as each alone, to the bit", level);
    check_ok(seen[1] + seen[2] > SESSIONS * STEPS / 2 && seen[0] == 0,
             "%s: %u, %u, %u, %u tokens took 1, 2, 3, 4 loops", level, seen[1], seen[2], seen[3],
             seen[4]);
    for (size_t i = 0; i < SESSIONS; i++) {
        lte_session_free(alone[i]);
        lte_session_free(together[i]);
    }
    free(want);
    free(got);
    lte_model_free(m);
}

// Memory may run out at any allocation of a load.
static enum lte_status load(struct fixture *f, void *opaque)
{
    struct lte_model *m;
    (void)opaque;
    const enum lte_status status = lte_model_load_with(f->context, f->folder, NULL, &m);
    lte_model_free(m);
    return status;
}

static void check_memory(void)
{
    static const char config[] =
        LT2 "'num_loops':2,'layer_types':'2:1','window_pattern':'full->SWA=3','attn_gate':'query',"
            "'block_residual':true}";
    struct fixture f;
    fixture_open(&f);
    lte_model_free(make(&f, 0, config));
    check_ok(fixture_starve(&f, load, NULL, 20), "out of memory at any of %zu allocations of a load",
             f.calls);
    check_ok(fixture_close(&f), "nothing is left");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "looped");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 2);
        check_recorded(c, *level);
        check_shared(c, *level);
        check_stop(c, *level);
        lte_close(c);
    }
    check_meaning();
    check_exit();
    check_weighted();
    check_memory();
    check_refused();
    check_half("element");
    check_half("head");
    return check_end();
}
