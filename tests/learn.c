// SPDX-License-Identifier: BSD-2-Clause
// Every mixer learns to recall. A model of two layers is trained from fresh weights on multi-query
// associative recall, 4 pairs in 64 tokens, and then a session must answer more than 99 % of
// queries that it has never seen. `make check` trains a few, `make learn` all of them at all levels
// with three seeds, but for the reference kernels, which take one.
//
// The task is as in Arora et al. with zeros between the queries: among so few ids, random ones
// would often be keys of the sequence. The first steps see the same pairs in sequences of 16, where
// half of the places are queries; that is what makes it quick. Attention otherwise sits for a
// thousand steps at one in four: it knows the values, and not yet which belongs to the key. Without
// a delta rule that takes much longer with some seeds than with others: these mixers go on to
// sequences of 32, and then of 64, when they can do the shorter ones.
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lte.h"
#include "tests/check.h"
#include "tests/fixture.h"
#include "tests/inside.h"

enum { LENGTH = 64, SHORT = 16, PAIRS = 4, VOCABULARY = LENGTH + 2, ROWS = 32 * LENGTH };
enum { LENGTHS = 3 };  // SHORT, doubled until LENGTH
enum { SEEDS = 3, TRIALS = 256, BATCH = 16 * LENGTH }; // sequences examined, tokens at a time

struct mixer {
    const char *name;
    const char *model;   // the config but for `common`
    double rate;
    uint32_t easy;       // steps with sequences of SHORT; 0: each length until nearly all is right
    uint32_t most;       // steps, if it is not done before
    bool quick;          // part of `make check`
};

#include "tests/learn_mixers.h"

enum { MIXERS = sizeof mixers / sizeof mixers[0] };

struct lesson {
    const struct mixer *mixer;
    struct lte_context *context;
    uint64_t seed;
    const char *config;  // path
    uint32_t steps;      // taken
    double seconds;      // of this thread
};

static struct lte_data *recall(struct lte_context *c, uint64_t seed, uint32_t rows, uint32_t length)
{
    struct lte_data_options o;
    struct lte_mqar_options mqar;
    struct lte_data *data;
    lte_data_options_init(&o);
    lte_mqar_options_init(&mqar);
    o.seed = seed;
    o.rows = rows;
    o.shortest = o.longest = length;
    mqar.vocabulary = VOCABULARY;
    mqar.pairs = mqar.fewest = PAIRS;
    mqar.random_others = 0;
    if (lte_data_mqar(c, &mqar, &o, &data) != LTE_OK)
        exit(99);
    return data;
}

// The length that comes after step `l->steps`, with which the accuracy was `mean` of late.
static size_t next_length(const struct lesson *l, size_t length, double mean)
{
    const double nearly = 0.95;
    const uint32_t easy = l->mixer->easy;
    if (length + 1 == LENGTHS || (easy ? l->steps + 1 < easy : mean < nearly))
        return length;
    check_note("%s, step %u: longer sequences", l->mixer->name, (unsigned)l->steps + 1);
    return easy ? LENGTHS - 1 : length + 1;
}

static struct lte_trainer *new_trainer(const struct lesson *l)
{
    struct lte_train_options o;
    struct lte_trainer *t;
    lte_train_options_init(&o);
    o.rows = ROWS;
    o.segments = ROWS / SHORT;
    o.longest = LENGTH;
    o.steps = l->mixer->most;
    o.learning_rate = l->mixer->rate;
    o.final_rate = 0.02;
    o.warmup_steps = 20;
    o.weight_decay = 0;
    o.seed = l->seed;
    if (lte_trainer_new(l->context, l->config, NULL, &o, &t) != LTE_OK)
        exit(99);
    return t;
}

// No batch comes twice, so the accuracy of a step is that of unseen queries; `mean` is that of the
// last twenty steps or so.
static bool is_enough(size_t length, double mean)
{
    return length + 1 == LENGTHS && mean >= 0.9985;
}

static void teach(struct lesson *l, struct lte_trainer *t)
{
    const double weight = 0.05;
    struct lte_data *data[LENGTHS];
    struct lte_train_report report;
    double mean = 0;
    size_t length = 0;
    for (size_t i = 0; i < LENGTHS; i++)
        data[i] = recall(l->context, l->seed, ROWS, SHORT << i);
    for (l->steps = 0; l->steps < l->mixer->most && !is_enough(length, mean); l->steps++) {
        if (lte_trainer_step(t, lte_data_batch, data[length], &report) != LTE_OK)
            exit(99);
        mean += weight * (report.accuracy - mean);
        const size_t next = next_length(l, length, mean);
        mean = next == length ? mean : 0;
        length = next;
        if (l->steps % 100 == 99)
            check_note("%s, step %u: loss %.4f, accuracy %.3f", l->mixer->name,
                       (unsigned)l->steps + 1, report.loss, report.accuracy);
    }
    for (size_t i = 0; i < LENGTHS; i++)
        lte_data_free(data[i]);
}

static unsigned count_right(const struct lte_batch *b, size_t first, const float *logits)
{
    unsigned right = 0;
    for (size_t r = 0; r < LENGTH; r++) {
        const float *row = logits + r * VOCABULARY;
        size_t best = 0;
        for (size_t i = 1; i < VOCABULARY; i++)
            best = row[i] > row[best] ? i : best;
        right += b->target[first + r] == best;
    }
    return right;
}

// The part of queries that a session answers, each sequence read in two pieces.
static double examine(const struct lesson *l, const struct lte_model *model)
{
    static uint32_t token[BATCH], target[BATCH];
    static size_t segment[BATCH];
    static float logits[LENGTH * VOCABULARY];
    struct lte_data *data = recall(l->context, l->seed + 1000, BATCH, LENGTH);
    struct lte_session *s = inside_session(model, LENGTH);
    const size_t cut = LENGTH / 2 + 3;
    unsigned right = 0, sequences = 0;
    for (uint64_t step = 0; sequences < TRIALS; step++) {
        struct lte_batch b = {token, target, segment, BATCH, BATCH};
        if (lte_data_batch(data, step, 0, &b) != LTE_OK)
            exit(99);
        for (size_t at = 0; at < b.rows; at += LENGTH, sequences++) {
            lte_session_reset(s);
            if (lte_session_feed(s, token + at, cut, LTE_LOGITS_ALL, logits) != LTE_OK ||
                lte_session_feed(s, token + at + cut, LENGTH - cut, LTE_LOGITS_ALL,
                                 logits + cut * VOCABULARY) != LTE_OK)
                exit(99);
            right += count_right(&b, at, logits);
        }
    }
    lte_session_free(s);
    lte_data_free(data);
    return (double)right / (PAIRS * sequences);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void hold(struct lesson *l, const char *level)
{
    const double start = seconds();
    struct lte_trainer *t = new_trainer(l);
    teach(l, t);
    l->seconds = seconds() - start;
    const double right = examine(l, lte_trainer_model(t));
    check_ok(right > 0.99, "%s, %s, seed %u: %.2f %% after %u steps, %.1f s", l->mixer->name, level,
             (unsigned)l->seed, 100 * right, (unsigned)l->steps, l->seconds);
    fflush(stdout);
    lte_trainer_free(t);
}

// What is asked for; NULL and 0: all, or where that is too much the best level and seed 1.
struct request {
    const char *mixer, *cpu;
    uint64_t seed;
    bool all;
};

static bool wanted(const struct request *r, const struct mixer *m)
{
    return r->mixer ? !strcmp(r->mixer, m->name) : r->all || m->quick;
}

static void teach_level(struct fixture *f, const struct request *r, const char *level)
{
    struct lte_context *c = inside_context(level, 1);
    const bool slow = level && !strcmp(level, "ref"); // the wide ones take hours
    const uint64_t first = r->seed ? r->seed : 1;
    const uint64_t last = r->all && !r->seed && !slow ? SEEDS : first;
    for (size_t i = 0; i < MIXERS; i++) {
        char text[2048];
        if (!wanted(r, &mixers[i]) || (slow && !r->mixer && !mixers[i].easy))
            continue;
        snprintf(text, sizeof text, "{%s,%s}", common, mixers[i].model);
        fixture_write(f, "config.json", text, strlen(text));
        for (uint64_t seed = first; seed <= last; seed++) {
            struct lesson l = {.mixer = &mixers[i], .context = c, .seed = seed,
                               .config = fixture_path(f, "config.json")};
            hold(&l, level ? level : "best level");
        }
    }
    lte_close(c);
}

static void teach_levels(struct fixture *f, const struct request *r)
{
    if (r->cpu || !r->all)
        teach_level(f, r, r->cpu);
    else
        for (const char *const *level = inside_levels(); *level; level++)
            teach_level(f, r, *level);
}

// [--all] [--mixer NAME] [--cpu LEVEL] [--seed N]
int main(int argc, char **argv)
{
    struct fixture f;
    struct request r = {.mixer = NULL};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--all"))
            r.all = true;
        else if (!strcmp(argv[i], "--mixer"))
            r.mixer = value;
        else if (!strcmp(argv[i], "--cpu"))
            r.cpu = value;
        else if (!strcmp(argv[i], "--seed"))
            r.seed = strtoull(value, NULL, 10);
    }
    check_begin(argc, argv, "learn");
    fixture_open(&f);
    if (argc == 1 && check_is_slow()) // other tests show what hundreds of slow steps would
        check_skip("too slow here", "every mixer learns to recall");
    else
        teach_levels(&f, &r);
    check_ok(fixture_close(&f), "nothing is left");
    return check_end();
}
