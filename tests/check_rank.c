// SPDX-License-Identifier: BSD-2-Clause
// Scores against thresholds: every level exactly as the reference, with ties, infinities and NaNs
// in both.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { MAX_SCORES = 300 };

static float any(void)
{
    static const float odd[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-45f, -1e-45f};
    return check_below(4) ? (float)check_below(9) - 4 : odd[check_below(7)];
}

static bool check_count(const struct lte_kernels *k, const float *x, size_t n)
{
    const float threshold[LTE_RANK_THRESHOLDS] = {any(), any(), any()};
    size_t want[LTE_RANK_THRESHOLDS], got[LTE_RANK_THRESHOLDS];
    check_ref()->count_above(x, n, threshold, want);
    k->count_above(x, n, threshold, got);
    return !memcmp(want, got, sizeof want);
}

static bool check_above(const struct lte_kernels *k, const float *x, size_t n)
{
    const float a = (float)check_below(9) - 4, b = (float)check_below(9) - 4;
    const float high = a > b ? a : b, low = a > b ? b : a;
    const float threshold[LTE_RANK_THRESHOLDS] = {high, low, low};
    size_t count[LTE_RANK_THRESHOLDS];
    check_ref()->count_above(x, n, threshold, count);
    const size_t spare = check_below(count[1] - count[0] + 1), all = count[0] + spare;
    const size_t wanted = check_below(3) ? all : check_below(all + 1);
    uint32_t *want = check_buffer((wanted + 1) * sizeof *want, 4);
    uint32_t *got = check_buffer((wanted ? wanted : 1) * sizeof *got, 4);
    memset(want, 0, (wanted + 1) * sizeof *want);
    memset(got, 0, (wanted ? wanted : 1) * sizeof *got);
    check_ref()->above(x, n, high, low, spare, want, wanted);
    k->above(x, n, high, low, spare, got, wanted);
    return !memcmp(want, got, wanted * sizeof *want);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "rank");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        bool good = true;
        for (size_t run = 0; good && run < 400; run++) {
            const size_t n = check_below(run < 200 ? 40 : MAX_SCORES);
            float *x = check_floats(n ? n : 1);
            for (size_t i = 0; i < n; i++)
                x[i] = any();
            good = check_count(l->kernels, x, n) && check_above(l->kernels, x, n) && check_guards();
            check_free_buffers();
        }
        check_ok(good, "count_above, above: %s", l->name);
    }
    return check_end();
}
