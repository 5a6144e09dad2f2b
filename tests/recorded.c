// SPDX-License-Identifier: BSD-2-Clause
// Every model family against answers recorded in float64 by tests/reference/record_models.py, on
// checkpoints that lte_model_init() makes anew from tests/data/models/*.json.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/answers.h"
#include "tests/check.h"

enum { CASES = 3 };

static const char *const models[] = {"transformer", "qk_norm", "gva", "ungated",
                                     "full",        "swa",     "lte", "lte_layer",
                                     "lt2",         "lt2_hybrid", "lt2_heads", "ouro",
                                     "lt2_dsa",     "lt2_gdn_dsa", "lt2_sparse",
                                     "nsa",         "hybrid_nsa", "kda", "kda_bounded",
                                     "delta_net",   "delta_net_gated",
                                     "retnet",      "retnet_plain", "lt2_linear",
                                     "hgrn2", "hgrn2_free", "mamba2", "mamba2_plain"};

static bool run_case(const struct answers *a, const struct lte_model *m, uint32_t batch)
{
    size_t tokens, recorded, vocabulary = m->vocabulary;
    uint32_t *prompt = answers_ids(a, "input_ids", &tokens);
    float *logits = malloc(tokens * vocabulary * sizeof *logits);
    float *rows = answers_floats(a, "logits", -1, &recorded);
    float *last = answers_floats(a, "logits_last", -1, NULL);
    struct lte_session *s = inside_session(m, batch);
    bool good = lte_session_feed(s, prompt, tokens, LTE_LOGITS_ALL, logits) == LTE_OK;
    const size_t step = tokens / 20 ? tokens / 20 : 1;
    for (size_t i = 0; i < recorded / vocabulary; i++)
        good &= answers_near(a, "logits", (int)(i * step), logits + i * step * vocabulary,
                             rows + i * vocabulary, vocabulary, 1e-4);
    good &= answers_near(a, "logits_last", -1, logits + (tokens - 1) * vocabulary, last, vocabulary,
                         1e-4);
    good = answers_states(a, s, tokens) && good;
    good = answers_greedy(a, s, logits + (tokens - 1) * vocabulary) && good;
    lte_session_free(s);
    free(last);
    free(rows);
    free(logits);
    free(prompt);
    return good;
}

static void run_model(struct lte_context *c, const char *level, const char *name)
{
    static const uint32_t batches[] = {256, 9};
    char file[256];
    struct lte_model *m = inside_random_model(c, name);
    snprintf(file, sizeof file, "tests/data/models/%s.safetensors", name);
    struct answers a = answers_open(c, file);
    for (size_t b = 0; b < 2; b++)
        for (a.n = 0; a.n < CASES; a.n++)
            check_ok(run_case(&a, m, batches[b]), "%s: %s, %u tokens at once: case %d", level, name,
                     (unsigned)batches[b], a.n);
    lte_tensors_close(a.tensors);
    lte_model_free(m);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "recorded");
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 2);
        for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
            run_model(c, *level, models[i]);
        lte_close(c);
    }
    return check_end();
}
