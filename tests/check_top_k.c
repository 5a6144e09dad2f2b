// SPDX-License-Identifier: BSD-2-Clause
// The largest scores against a sort that is stable: ties, infinities, zeros of both signs, NaNs.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sparse/top_k.h"
#include "tests/check.h"

enum { MAX_SCORES = 3000 };

static const float *scores;

static int by_score(const void *a, const void *b)
{
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const float x = scores[i], y = scores[j];
    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y) ? (i > j) - (i < j) : isnan(x) ? 1 : -1;
    return x != y ? (x < y) - (x > y) : (i > j) - (i < j);
}

static int rising(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static float random_score(size_t kind)
{
    switch (kind) {
    case 0: return check_normal();
    case 1: return (float)check_below(5) - 2; // many ties
    case 2: return check_below(2) ? 0.0f : -0.0f;
    case 3: return check_below(3) ? check_uniform(-1e-40f, 1e-40f) : INFINITY;
    case 4: return check_below(3) ? check_normal() : check_below(2) ? -INFINITY : -NAN;
    default: return 1 + 1e-6f * (float)check_below(4);
    }
}

static bool check_case(const struct lte_kernels *kernels, size_t n, size_t k, size_t kind)
{
    static float score[MAX_SCORES];
    static uint32_t order[MAX_SCORES];
    const size_t wanted = k < n ? k : n;
    uint32_t *chosen = check_buffer((wanted ? wanted : 1) * sizeof *chosen, 4);
    for (size_t i = 0; i < n; i++) {
        score[i] = random_score(kind);
        order[i] = (uint32_t)i;
    }
    scores = score;
    qsort(order, n, sizeof *order, by_score);
    qsort(order, wanted, sizeof *order, rising);
    const size_t got = lte_top_k(kernels, score, n, k, chosen);
    const bool good = got == wanted && !memcmp(chosen, order, wanted * sizeof *order) &&
                      check_guards();
    check_free_buffers();
    if (!good)
        check_note("%zu of %zu scores of kind %zu", k, n, kind);
    return good;
}

static void check_level(const struct lte_kernels *kernels)
{
    static const size_t sizes[] = {0, 1, 2, 3, 16, 31, 32, 33, 64, 1000};
    for (size_t kind = 0; kind < 6; kind++) {
        bool good = true;
        for (size_t i = 0; good && i < sizeof sizes / sizeof sizes[0]; i++)
            for (size_t run = 0; good && run < 6; run++)
                good = check_case(kernels, 1 + check_below(run < 3 ? 100 : MAX_SCORES - 1), sizes[i],
                                  kind);
        for (size_t run = 0; good && run < 20; run++)
            good = check_case(kernels, check_below(MAX_SCORES), check_below(MAX_SCORES), kind);
        check_ok(good, "top_k: scores of kind %zu, %s", kind, kernels->name);
    }
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "top_k");
    check_level(check_ref());
    for (const struct check_level *l = check_levels(); l->name; l++)
        check_level(l->kernels);
    return check_end();
}
