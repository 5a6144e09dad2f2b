// SPDX-License-Identifier: BSD-2-Clause
// Streaming eviction: every level bit for bit against a model that sorts, and the published cases.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

enum { MAX_CAPACITY = 300, MAX_TOKENS = 900 };

static int falling(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

// The scores a buffer must hold, stated without streaming: the highest `capacity` of those above
// zero. Returns their number.
static size_t best(float *top, const float *in, size_t n, size_t capacity)
{
    size_t positive = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i] > 0)
            top[positive++] = in[i];
    qsort(top, positive, sizeof *top, falling);
    return positive < capacity ? positive : capacity;
}

static float random_score(void)
{
    switch (check_below(8)) {
    case 0: return check_uniform(-1, 0);
    case 1: return (float)check_below(4) * 0.25f; // many ties, and zero
    case 2: return check_below(8) ? check_uniform(0, 1e-40f) : INFINITY;
    case 3: return check_below(8) ? 0.5f : NAN;
    case 4: return check_below(8) ? -0.0f : -INFINITY;
    default: return check_uniform(0, 1);
    }
}

struct buffer {
    float *score;
    size_t token[MAX_CAPACITY], used;
};

// Feeds tokens [first, first+n); false where the slots contradict the contract.
static bool feed(const struct lte_kernels *k, struct buffer *b, size_t capacity, const float *in,
                 size_t first, size_t n, uint32_t *slot)
{
    const size_t before = b->used;
    size_t appended = 0;
    b->used = k->evict(b->score, capacity, before, in + first, n, slot + first);
    for (size_t i = first; i < first + n; i++) {
        if (slot[i] == LTE_EVICT_DROPPED)
            continue;
        if (slot[i] >= b->used)
            return false;
        appended += slot[i] == before + appended;
        b->token[slot[i]] = i;
    }
    return b->used <= capacity && b->used == before + appended;
}

static bool is_best(const struct buffer *b, const float *in, size_t n, size_t capacity)
{
    float top[MAX_TOKENS], held[MAX_CAPACITY];
    bool seen[MAX_TOKENS] = {false};
    for (size_t s = 0; s < b->used; s++) {
        const size_t token = b->token[s];
        if (seen[token] || memcmp(&b->score[s], &in[token], sizeof *in))
            return false;
        seen[token] = true;
        held[s] = b->score[s];
    }
    qsort(held, b->used, sizeof *held, falling);
    return best(top, in, n, capacity) == b->used && !memcmp(held, top, b->used * sizeof *held);
}

// One random sequence fed in random pieces, against the reference fed whole and against the model.
static bool check_sequence(const struct lte_kernels *k, size_t capacity, size_t n)
{
    struct buffer b = {check_buffer(capacity * sizeof(float), 4 * check_below(16)), {0}, 0};
    float *in = check_floats(n), *want_score = check_floats(capacity);
    uint32_t *slot = check_buffer(n * sizeof *slot, 4), *want = check_buffer(n * sizeof *want, 0);
    for (size_t i = 0; i < n; i++)
        in[i] = random_score();
    bool good = true;
    for (size_t i = 0; good && i < n;) {
        const size_t piece = 1 + check_below(check_below(2) ? n - i : 3);
        const size_t m = piece < n - i ? piece : n - i;
        good = feed(k, &b, capacity, in, i, m, slot);
        i += m;
    }
    const size_t used = check_ref()->evict(want_score, capacity, 0, in, n, want);
    good = good && check_guards() && used == b.used && !memcmp(slot, want, n * sizeof *slot) &&
           !memcmp(b.score, want_score, used * sizeof *want_score) && is_best(&b, in, n, capacity);
    if (!good)
        check_note("evict: capacity %zu, %zu tokens", capacity, n);
    check_free_buffers();
    return good;
}

static void check_random_sequences(const struct lte_kernels *k, const char *name)
{
    bool good = true;
    for (size_t capacity = 0; good && capacity <= 70; capacity++)
        good = check_sequence(k, capacity, check_below(200));
    for (size_t run = 0; good && run < 12; run++)
        good = check_sequence(k, check_below(MAX_CAPACITY + 1), check_below(MAX_TOKENS + 1));
    check_ok(good, "evict %s: the best of what left, fed in any pieces", name);
}

// Window 4, buffer 3, one sink, ten tokens: tokens 0..5 have left when the prompt ends.
static void check_prompt(const struct lte_kernels *k, const char *name)
{
    static const float left[] = {INFINITY, .2f, .1f, .3f, -.2f, .05f};
    static const uint32_t want[] = {0, 1, 2, 2, LTE_EVICT_DROPPED, LTE_EVICT_DROPPED};
    static const struct { float in; uint32_t slot; } next[] = {
        {.4f, 1}, {.2f, LTE_EVICT_DROPPED}, {-.1f, LTE_EVICT_DROPPED}};
    float score[3];
    uint32_t slot[6];
    bool good = k->evict(score, 3, 0, left, 6, slot) == 3 && !memcmp(slot, want, sizeof want);
    for (size_t i = 0; i < 3; i++) {
        float copy[3];
        memcpy(copy, score, sizeof copy);
        good = good && k->evict(copy, 3, 3, &next[i].in, 1, slot) == 3 && slot[0] == next[i].slot;
    }
    check_ok(good, "evict %s: what a prompt of ten tokens leaves behind, and one token more", name);
}

// Heads decide alone: in one step a full one replaces and one that is not full appends.
static void check_heads(const struct lte_kernels *k, const char *name)
{
    float score[2][2] = {{.3f, .1f}, {.4f, -7}};
    const float out = .2f;
    uint32_t slot[2];
    const size_t full = k->evict(score[0], 2, 2, &out, 1, &slot[0]);
    const size_t other = k->evict(score[1], 2, 1, &out, 1, &slot[1]);
    check_ok(full == 2 && slot[0] == 1 && other == 2 && slot[1] == 1 && score[0][1] == out &&
                 score[1][1] == out,
             "evict %s: one head replaces while another appends", name);
}

static void check_all(const struct lte_kernels *k, const char *name)
{
    check_prompt(k, name);
    check_heads(k, name);
    check_random_sequences(k, name);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "evict");
    check_all(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_all(l->kernels, l->name);
    return check_end();
}
