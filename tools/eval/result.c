// SPDX-License-Identifier: BSD-2-Clause
// Intervals, a table and JSON.
#include "config.h"

#include "tools/eval/result.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/message.h"

static const double z95 = 1.959963984540054; // of the normal distribution

static bool add(struct results *r, const char *name, struct result result)
{
    if (r->count == r->capacity) {
        const size_t more = r->capacity ? 2 * r->capacity : 16;
        struct result *larger = realloc(r->result, more * sizeof *larger);
        if (!larger) {
            message_error("out of memory");
            return false;
        }
        r->result = larger;
        r->capacity = more;
    }
    snprintf(result.name, sizeof result.name, "%s", name);
    r->result[r->count++] = result;
    return true;
}

bool results_proportion(struct results *r, const char *name, uint64_t hits, uint64_t count)
{
    const double n = (double)count, p = count ? (double)hits / n : 0, zz = z95 * z95;
    const double middle = (p + zz / (2 * n)) / (1 + zz / n);
    const double half = z95 / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    return add(r, name, (struct result){.measure = "accuracy",
                                        .value = p,
                                        // p itself is within, whatever the rounding
                                        .low = count ? fmax(0, fmin(p, middle - half)) : 0,
                                        .high = count ? fmin(1, fmax(p, middle + half)) : 1,
                                        .count = count});
}

bool results_exponential(struct results *r, const char *name, double sum, double squares,
                         uint64_t count)
{
    const double n = (double)count, mean = sum / n;
    const double variance = count > 1 ? fmax(0, squares - sum * mean) / (n - 1) : INFINITY;
    const double half = z95 * sqrt(variance / n);
    return add(r, name, (struct result){.measure = "perplexity",
                                        .value = exp(mean),
                                        .low = exp(mean - half),
                                        .high = exp(mean + half),
                                        .count = count});
}

void results_table(const struct results *r, uint64_t state_bytes)
{
    size_t width = 4;
    for (size_t i = 0; i < r->count; i++)
        width = strlen(r->result[i].name) > width ? strlen(r->result[i].name) : width;
    printf("%-*s  %10s  %21s  %8s\n", (int)width, "task", r->count ? r->result[0].measure : "",
           "95 % interval", "samples");
    for (size_t i = 0; i < r->count; i++) {
        const struct result *s = &r->result[i];
        printf("%-*s  %10.4f  %10.4f %10.4f  %8" PRIu64 "\n", (int)width, s->name, s->value, s->low,
               s->high, s->count);
    }
    printf("state %" PRIu64 " bytes a sequence\n", state_bytes);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

bool results_json(const struct results *r, const char *task, const char *model, uint64_t state_bytes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const struct result *s = &r->result[i];
        json_array_append_new(list, json_pack("{s:s,s:o,s:o,s:o,s:I}", "name", s->name, s->measure,
                                              number(s->value), "low", number(s->low), "high",
                                              number(s->high), "samples", (json_int_t)s->count));
    }
    json_t *all = json_pack("{s:s,s:s,s:I,s:o}", "task", task, "model", model, "state_bytes",
                            (json_int_t)state_bytes, "results", list);
    const bool good = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0;
    if (good)
        putchar('\n');
    else
        message_error("cannot write the results");
    json_decref(all);
    return good;
}

void results_end(struct results *r)
{
    free(r->result);
    *r = (struct results){.result = NULL};
}
