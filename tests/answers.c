// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/fixture.h"

struct answers answers_open(const struct lte_context *context, const char *relative)
{
    struct answers a = {.n = 0};
    if (lte_tensors_open(context, fixture_source(relative), &a.tensors) != LTE_OK) {
        printf("Bail out! %s\n", relative);
        exit(99);
    }
    return a;
}

const struct lte_tensor *answers_find(const struct answers *a, const char *what, int index)
{
    char name[64];
    if (index < 0)
        snprintf(name, sizeof name, "case%d.%s", a->n, what);
    else
        snprintf(name, sizeof name, "case%d.%s.%d", a->n, what, index);
    return lte_tensors_find(a->tensors, name);
}

static void *copy(const struct answers *a, const char *what, int index, size_t *count)
{
    const struct lte_tensor *t = answers_find(a, what, index);
    if (!t) {
        printf("Bail out! case %d has no %s\n", a->n, what);
        exit(99);
    }
    void *v = malloc((size_t)t->elements * 4 + 1); // fp32 or 32-bit integers
    memcpy(v, t->data, (size_t)t->elements * 4);
    if (count)
        *count = (size_t)t->elements;
    return v;
}

float *answers_floats(const struct answers *a, const char *what, int index, size_t *count)
{
    return copy(a, what, index, count);
}

uint32_t *answers_ids(const struct answers *a, const char *what, size_t *count)
{
    return copy(a, what, -1, count);
}

bool answers_near(const struct answers *a, const char *what, int index, const float *got,
                  const float *wanted, size_t count, double tolerance)
{
    const double error = inside_error(got, wanted, count);
    if (!(error <= tolerance))
        check_note("case %d %s %d: error %.3g, tolerance %.3g", a->n, what, index, error, tolerance);
    return error <= tolerance;
}

static bool delta_state(const struct answers *a, const struct lte_session *s, uint32_t layer,
                        const struct lte_tensor *t)
{
    const size_t heads = (size_t)t->shape[0], size = (size_t)(t->shape[1] * t->shape[2]);
    float *state = malloc(heads * size * sizeof *state);
    float *wanted = answers_floats(a, "gdn_state", (int)layer, NULL);
    for (size_t h = 0; h < heads; h++)
        inside_delta_state(s, layer, h, state + h * size);
    const bool good = answers_near(a, "gdn_state", (int)layer, state, wanted, heads * size, 1e-4);
    free(state);
    free(wanted);
    return good;
}

static bool visible(const struct answers *a, const struct lte_session *s, uint32_t layer,
                    const struct lte_tensor *t, size_t tokens)
{
    bool good = true;
    unsigned char *seen = malloc(tokens);
    for (size_t h = 0; h < t->shape[0]; h++) {
        inside_visible(s, layer, h, seen);
        if (memcmp(seen, (const unsigned char *)t->data + h * tokens, tokens)) {
            check_note("case %d layer %u head %zu: other tokens are retained", a->n, (unsigned)layer, h);
            good = false;
        }
    }
    free(seen);
    return good;
}

bool answers_states(const struct answers *a, const struct lte_session *s, size_t tokens)
{
    bool good = true;
    for (uint32_t l = 0; l < s->model->graph->slots; l++) {
        const struct lte_tensor *state = answers_find(a, "gdn_state", (int)l);
        const struct lte_tensor *kept = answers_find(a, "lte_visible_last", (int)l);
        good = (!state || delta_state(a, s, l, state)) && good;
        good = (!kept || visible(a, s, l, kept, tokens)) && good;
    }
    return good;
}

size_t answers_argmax(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

bool answers_greedy(const struct answers *a, struct lte_session *s, float *logits)
{
    size_t n;
    uint32_t *wanted = answers_ids(a, "greedy_ids", &n);
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        const uint32_t token = (uint32_t)answers_argmax(logits, s->model->vocabulary);
        good = token == wanted[i];
        if (!good)
            check_note("case %d: greedy token %zu is %u, not %u", a->n, i, (unsigned)token,
                       (unsigned)wanted[i]);
        lte_session_feed(s, &token, 1, LTE_LOGITS_LAST, logits);
    }
    free(wanted);
    return good;
}
