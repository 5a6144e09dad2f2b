// SPDX-License-Identifier: BSD-2-Clause
// A text that repeats itself gives the retention scorer of a first layer the same tokens again and
// again: the same scores, to the bit, in whatever pieces it is read, so that the oldest stay.
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

enum { TOKENS = 200, PERIOD = 7, VOCABULARY = 53 };

static const char config[] =
    "{\"model_type\":\"hybrid_gated_deltanet\",\"vocab_size\":53,\"hidden_size\":160,"
    "\"intermediate_size\":64,\"num_hidden_layers\":2,\"num_heads\":2,\"head_dim\":16,\"expand_v\":1,"
    "\"initializer_range\":0.2,\"attn\":{\"layers\":[0],\"attn_type\":\"lte\",\"num_heads\":4,"
    "\"num_kv_heads\":4,\"window_size\":8,\"buffer_size\":9,\"sink_size\":2,\"conv_size\":[3,3,3],"
    "\"conv_dilation\":[1,1,1],\"dropout_prob\":0,\"routing_method\":\"sigmoid\","
    "\"routing_grad\":true,\"routing_shared\":\"head\",\"routing_freeze_steps\":0,"
    "\"l1_lambda_init\":0,\"l1_lambda_min\":0,\"l1_lambda_max\":0,\"l1_alpha\":1,"
    "\"l1_alpha_neg\":1,\"l1_warmup_steps\":0,\"l1_lambda_initial_steps\":0,"
    "\"l1_lambda_update_steps\":1,\"l1_lambda_shared\":\"head\",\"l1_lambda_tolerate\":[0,1]}}";
enum { HEADS = 4 };

static struct lte_model *load(struct lte_context *c, const char *folder)
{
    struct lte_model *m;
    if (lte_model_load(c, folder, &m) != LTE_OK)
        exit(99);
    return m;
}

// Reads the text in pieces of `piece` tokens; what each head sees at its end.
static void read_in(const struct lte_model *m, size_t piece, unsigned char visible[HEADS][TOKENS])
{
    struct lte_session *s = inside_session(m, 0);
    uint32_t ids[TOKENS];
    float *logits = malloc(VOCABULARY * sizeof *logits);
    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = (uint32_t)(i % PERIOD * 5 + 3);
    for (size_t at = 0; at < TOKENS; at += piece) {
        const size_t n = TOKENS - at < piece ? TOKENS - at : piece;
        if (lte_session_feed(s, ids + at, n, LTE_LOGITS_LAST, logits) != LTE_OK)
            exit(99);
    }
    for (size_t h = 0; h < HEADS; h++)
        inside_visible(s, 0, h, visible[h]);
    free(logits);
    lte_session_free(s);
}

// Whether a token is kept while an older one like it is not.
static bool younger_kept(const unsigned char *visible)
{
    const size_t first = 2 * PERIOD; // from here on the scorer has only seen repetitions
    for (size_t i = first; i + PERIOD < TOKENS - 16; i++)
        if (!visible[i] && visible[i + PERIOD])
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const size_t pieces[] = {2, 5, 23, 24, 25, 61, TOKENS};
    struct fixture f;
    check_begin(argc, argv, "retention_ties");
    fixture_open(&f);
    fixture_write(&f, "config.json", config, sizeof config - 1);
    if (lte_model_init(f.context, fixture_path(&f, "config.json"), fixture_path(&f, "m"),
                       LTE_DTYPE_F32, 1) != LTE_OK)
        exit(99);
    for (const char *const *level = inside_levels(); *level; level++) {
        struct lte_context *c = inside_context(*level, 1);
        unsigned char one[HEADS][TOKENS], other[HEADS][TOKENS];
        bool same = true, old = true;
        struct lte_model *m = load(c, fixture_path(&f, "m"));
        read_in(m, 1, one);
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            read_in(m, pieces[i], other);
            same &= !memcmp(one, other, sizeof one);
            for (size_t h = 0; h < HEADS; h++)
                old &= !younger_kept(other[h]);
            if (memcmp(one, other, sizeof one))
                check_note("pieces of %zu", pieces[i]);
        }
        check_ok(same, "%s: the same tokens are retained in any pieces", *level);
        check_ok(old, "%s: of tokens alike the oldest stay", *level);
        lte_model_free(m);
        lte_close(c);
    }
    check_ok(fixture_close(&f), "nothing is left");
    return check_end();
}
