// SPDX-License-Identifier: BSD-2-Clause
// The recorded answers of the shipped checkpoint: every level, one and two threads, prompts read in
// pieces of several sizes.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/answers.h"
#include "tests/check.h"

enum { CASES = 4, MAX_LAYERS = 64 };

// What the observer picks up while a prompt is read.
struct seen {
    float *hidden;            // [slots + 1][width] of the newest token
    float *score[MAX_LAYERS]; // [tokens][key heads], in token order
    size_t width;
};

static void observe(void *opaque, const struct lte_exec *x, size_t i)
{
    struct seen *s = opaque;
    const struct lte_graph *g = x->graph;
    const struct lte_op *op = &g->op[i];
    if (i >= g->head)
        return;
    for (uint32_t k = 0; k <= g->slots; k++)
        if (g->layer_output[k] == op->out)
            memcpy(s->hidden + k * s->width,
                   lte_exec_value(x, op->out) + (x->rows - 1) * s->width, s->width * sizeof(float));
    if (op->kind != LTE_OP_LTE_SCORE)
        return;
    const float *score = lte_exec_value(x, op->out);
    const size_t heads = op->score.heads;
    for (size_t r = 0; r < x->rows; r++) {
        const uint64_t p = x->segment[0].position + r;
        if (p >= op->score.delay)
            memcpy(s->score[op->slot] + (p - op->score.delay) * heads, score + r * heads,
                   heads * sizeof(float));
    }
}

static struct seen seen_new(const struct lte_model *m, size_t tokens)
{
    struct seen s = {.width = m->width,
                     .hidden = calloc((m->layers + 1) * m->width, sizeof(float))};
    for (uint32_t l = 0; l < m->layers; l++)
        s.score[l] = calloc(tokens * 16, sizeof(float));
    return s;
}

static void seen_free(const struct lte_model *m, struct seen *s)
{
    for (uint32_t l = 0; l < m->layers; l++)
        free(s->score[l]);
    free(s->hidden);
}

// The reference scored the prompt as a whole: its last `delay` rows lack their right context.
static bool check_seen(const struct answers *a, const struct lte_model *m, const struct seen *seen,
                       size_t tokens)
{
    bool good = true;
    for (uint32_t k = 0; k <= m->layers; k++) {
        float *h = answers_floats(a, "hidden", (int)k, NULL);
        good &= answers_near(a, "hidden", (int)k, seen->hidden + k * seen->width, h, seen->width, 1e-4);
        free(h);
        if (k == m->layers || !answers_find(a, "lte_score", (int)k))
            continue;
        size_t n;
        float *score = answers_floats(a, "lte_score", (int)k, &n);
        const size_t full = tokens > 6 ? (tokens - 6) * (n / tokens) : 0;
        good &= answers_near(a, "lte_score", (int)k, seen->score[k], score, full, 1e-4);
        free(score);
    }
    return good;
}

static double nll(const float *logits, size_t n, uint32_t token)
{
    double sum = 0, top = logits[answers_argmax(logits, n)];
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    return log(sum) + top - logits[token];
}

static bool check_logits(const struct answers *a, const float *logits, const uint32_t *prompt,
                         size_t tokens, size_t vocabulary)
{
    float *last = answers_floats(a, "logits_last", -1, NULL);
    float *loss = answers_floats(a, "nll", -1, NULL);
    uint32_t *top1 = answers_ids(a, "top1", NULL);
    bool good = answers_near(a, "logits_last", -1, logits + (tokens - 1) * vocabulary, last, vocabulary,
                             1e-4);
    for (size_t t = 0; t < tokens; t++) {
        const float *row = logits + t * vocabulary;
        const size_t top = answers_argmax(row, vocabulary);
        if (top != top1[t]) {
            check_note("case %d: top 1 after token %zu is %zu, not %u", a->n, t, top, (unsigned)top1[t]);
            good = false;
        }
        if (t + 1 < tokens && !(fabs(nll(row, vocabulary, prompt[t + 1]) - loss[t]) <= 2e-4)) {
            check_note("case %d: nll of token %zu is %g, not %g", a->n, t + 1,
                       nll(row, vocabulary, prompt[t + 1]), loss[t]);
            good = false;
        }
    }
    free(last);
    free(loss);
    free(top1);
    return good;
}

static bool run_case(const struct answers *a, const struct lte_model *m, uint32_t batch)
{
    size_t tokens;
    uint32_t *prompt = answers_ids(a, "input_ids", &tokens);
    float *logits = malloc(tokens * m->vocabulary * sizeof *logits);
    struct lte_session *s = inside_session(m, batch);
    struct seen seen = seen_new(m, tokens);
    s->observe = observe;
    s->observe_opaque = &seen;
    bool good = lte_session_feed(s, prompt, tokens, LTE_LOGITS_ALL, logits) == LTE_OK;
    s->observe = NULL;
    good = check_seen(a, m, &seen, tokens) && good;
    good = answers_states(a, s, tokens) && good;
    good = check_logits(a, logits, prompt, tokens, m->vocabulary) && good;
    good = answers_greedy(a, s, logits + (tokens - 1) * m->vocabulary) && good;
    seen_free(m, &seen);
    lte_session_free(s);
    free(logits);
    free(prompt);
    return good;
}

// Threads, and tokens at once.
static const struct {
    unsigned threads;
    uint32_t batch;
} runs[] = {{2, 256}, {1, 7}, {1, 256}, {1, 1}};

static void run_level(const char *level, size_t run)
{
    struct lte_context *c = inside_context(level, runs[run].threads);
    struct lte_model *m = inside_model(c, "data/lalte-tiny");
    struct answers a = answers_open(c, "tests/data/lalte-tiny/golden.safetensors");
    for (a.n = 0; a.n < CASES; a.n++)
        check_ok(run_case(&a, m, runs[run].batch), "%s, %u threads, %u tokens at once: case %d", level,
                 runs[run].threads, (unsigned)runs[run].batch, a.n);
    lte_tensors_close(a.tensors);
    lte_model_free(m);
    lte_close(c);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "golden");
    const size_t most = check_is_slow() ? 2 : sizeof runs / sizeof *runs;
    for (const char *const *level = inside_levels(); *level; level++)
        for (size_t run = 0; run < (strcmp(*level, "ref") ? most : 1); run++)
            run_level(*level, run);
    return check_end();
}
