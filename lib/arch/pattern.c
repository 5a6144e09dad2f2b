// SPDX-License-Identifier: BSD-2-Clause
// The parser of layouts.
#include "config.h"

#include <string.h>

#include "lib/arch/fla.h"
#include "lib/arch/pattern.h"

// A text without its end, to be read from the front.
struct text {
    const char *from, *end;
};

static bool done(const struct text *t)
{
    return t->from == t->end;
}

static bool skip(struct text *t, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(t->end - t->from) < n || memcmp(t->from, word, n))
        return false;
    t->from += n;
    return true;
}

static bool number(struct text *t, uint32_t *n)
{
    const char *start = t->from;
    *n = 0;
    for (; !done(t) && *t->from >= '0' && *t->from <= '9' && *n <= LTE_MAX_TOKENS; t->from++)
        *n = *n * 10 + (uint32_t)(*t->from - '0');
    return t->from != start && *n <= LTE_MAX_TOKENS;
}

// What comes before the separator, which is taken away too.
static struct text until(struct text *t, const char *separator)
{
    const struct text all = *t;
    while (!done(t)) {
        const char *at = t->from;
        if (skip(t, separator))
            return (struct text){all.from, at};
        t->from++;
    }
    return all;
}

// Two counts, not both 0, whose layers take turns: "A:B".
static bool ratio(struct text *t, uint32_t *a, uint32_t *b)
{
    return number(t, a) && skip(t, ":") && number(t, b) && *a <= LTE_MAX_LAYERS &&
           *b <= LTE_MAX_LAYERS && *a + *b > 0;
}

static bool is_end(uint32_t layer, uint32_t layers, uint32_t ends)
{
    return layer < ends || layers - layer <= ends;
}

static void misread(struct lte_config *config, const char *key, struct text t, const char *what)
{
    lte_config_fail(config, LTE_ERR_FORMAT, key, "has \"%.*s\", which is no %s",
                    (int)(t.end - t.from < 60 ? t.end - t.from : 60), t.from, what);
}

// Mixers by the names that layouts give them; what is not in this build is known all the same.
static const struct mixer_name {
    const char *name;
    enum lte_mixer mixer;
} mixer_names[] = {
    {"gdn", LTE_MIXER_GDN},
    {"full", LTE_MIXER_ATTENTION},
    {"kda", LTE_MIXER_KDA},
    {"deltanet", LTE_MIXER_DELTA_NET},
    {"retnet", LTE_MIXER_RETNET},
    {"hgrn2", LTE_MIXER_HGRN2},
    {"mamba2", LTE_MIXER_MAMBA2},
    {"mla", LTE_MIXERS},
    {"nsa", LTE_MIXER_NSA},
    {"dsa", LTE_MIXER_DSA},
    {"cot_gdp", LTE_MIXERS},
};

static enum lte_mixer mixer_of(struct lte_config *config, const char *key, struct text t)
{
    const size_t n = (size_t)(t.end - t.from);
    for (size_t i = 0; i < sizeof mixer_names / sizeof mixer_names[0]; i++) {
        const struct mixer_name *m = &mixer_names[i];
        if (strlen(m->name) != n || memcmp(m->name, t.from, n))
            continue;
        if (m->mixer != LTE_MIXERS)
            return m->mixer;
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, key,
                        "names the mixer \"%s\", which this build does not have", m->name);
        return LTE_MIXER_GDN;
    }
    misread(config, key, t, "mixer");
    return LTE_MIXER_GDN;
}

static void list_mixers(struct lte_config *config, const char *key, struct text t, uint32_t layers,
                        enum lte_mixer *mixer)
{
    uint32_t n = 0;
    for (struct text rest = t; !done(&rest); n++) {
        const enum lte_mixer m = mixer_of(config, key, until(&rest, ","));
        if (n < layers)
            mixer[n] = m;
    }
    for (uint32_t i = 1; n == 1 && i < layers; i++)
        mixer[i] = mixer[0];
    if (n != 1 && n != layers)
        lte_config_fail(config, LTE_ERR_FORMAT, key, "lists %u mixers for %u layers", (unsigned)n,
                        (unsigned)layers);
}

void lte_pattern_mixers(struct lte_config *config, const char *key, const char *text,
                        uint32_t layers, enum lte_mixer *mixer, uint32_t *block)
{
    const struct text all = {text, text + strlen(text)};
    struct text t = all;
    uint32_t a = 0, b = 0;
    enum lte_mixer first = LTE_MIXER_GDN, second = LTE_MIXER_ATTENTION;
    *block = layers;
    if (skip(&t, "bookend:")) {
        if (!number(&t, &a) || !done(&t))
            misread(config, key, all, "layout");
        for (uint32_t i = 0; i < layers; i++)
            mixer[i] = is_end(i, layers, a) ? second : first;
        return;
    }
    const bool named = skip(&t, "interleaved:");
    if (!named && (done(&t) || *t.from < '0' || *t.from > '9')) {
        list_mixers(config, key, all, layers, mixer);
        return;
    }
    bool good = ratio(&t, &a, &b);
    if (good && named && (good = skip(&t, ":"))) {
        first = mixer_of(config, key, until(&t, ":"));
        second = mixer_of(config, key, t);
        t.from = t.end;
    }
    if (!good || !done(&t)) {
        misread(config, key, all, "layout");
        return;
    }
    for (uint32_t i = 0; i < layers; i++)
        mixer[i] = i % (a + b) < a ? first : second;
    *block = a + b < layers ? a + b : layers;
}

uint32_t lte_pattern_loops(const char *text)
{
    uint32_t n = 1;
    while ((text = strstr(text, "->"))) {
        text += 2;
        n++;
    }
    return n;
}

static bool one_window(struct text *t, uint32_t *window)
{
    *window = 0;
    if (skip(t, "full"))
        return done(t);
    return skip(t, "SWA=") && number(t, window) && done(t) && *window > 0;
}

static bool list_windows(struct text t, uint32_t layers, uint32_t *window)
{
    uint32_t n = 0, w = 0;
    for (; !done(&t); n++) {
        struct text entry = until(&t, ",");
        if (!one_window(&entry, &w))
            return false;
        if (n < layers)
            window[n] = w;
    }
    for (uint32_t i = 1; n == 1 && i < layers; i++)
        window[i] = w;
    return n == 1 || n == layers;
}

// One loop's entry.
static void loop_windows(struct lte_config *config, const char *key, struct text t, uint32_t layers,
                         uint32_t size, uint32_t *window)
{
    const struct text all = t;
    uint32_t a, b;
    if (skip(&t, "random:") || skip(&t, "bookend_random:")) {
        lte_config_fail(config, LTE_ERR_UNSUPPORTED, key,
                        "has \"%.*s\": windows drawn at random are not supported",
                        (int)(all.end - all.from < 60 ? all.end - all.from : 60), all.from);
    } else if (skip(&t, "bookend:") || skip(&t, "sandwich:")) {
        if (!number(&t, &a) || !done(&t))
            misread(config, key, all, "layout of windows");
        for (uint32_t i = 0; i < layers; i++)
            window[i] = is_end(i, layers, a) ? 0 : size;
    } else if (ratio(&t, &a, &b) && done(&t)) {
        for (uint32_t i = 0; i < layers; i++)
            window[i] = i % (a + b) < a ? size : 0;
    } else if (!list_windows(all, layers, window)) {
        misread(config, key, all, "layout of windows");
    }
}

void lte_pattern_windows(struct lte_config *config, const char *key, const char *text,
                         uint32_t loops, uint32_t layers, uint32_t size, uint32_t *window)
{
    const uint32_t entries = lte_pattern_loops(text);
    struct text t = {text, text + strlen(text)};
    if (entries != 1 && entries != loops) {
        lte_config_fail(config, LTE_ERR_FORMAT, key, "has entries for %u loops, num_loops is %u",
                        (unsigned)entries, (unsigned)loops);
        return;
    }
    for (uint32_t i = 0; i < loops; i++) {
        const struct text again = t;
        loop_windows(config, key, until(&t, "->"), layers, size, window + (size_t)i * layers);
        if (entries == 1)
            t = again;
    }
}
