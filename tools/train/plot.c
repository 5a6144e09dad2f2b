// SPDX-License-Identifier: BSD-2-Clause
// From log records to charts.
#include "config.h"

#include "tools/train/plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/message.h"
#include "tools/train/chart.h"
#include "tools/train/folder.h"

enum { LOSS, ACCURACY, KEPT, CHARTS };

static double real(const json_t *record, const char *key)
{
    const json_t *v = json_object_get(record, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void add_retention(struct chart *chart, const json_t *record, double step)
{
    const json_t *list = json_object_get(record, "retention");
    json_int_t layer = -1;
    unsigned head = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const json_int_t of = json_integer_value(json_object_get(entry, "layer"));
        char name[48];
        head = of == layer ? head + 1 : 0;
        layer = of;
        snprintf(name, sizeof name, "layer %lld head %u", (long long)layer, head);
        chart_add(chart, name, step, real(entry, "kept"));
    }
}

static void add_record(struct chart *chart, const json_t *record)
{
    const char *evaluation = json_string_value(json_object_get(record, "evaluation"));
    const char *name = evaluation ? evaluation : "training";
    const double step = real(record, "step");
    chart_add(&chart[LOSS], name, step, real(record, "loss"));
    chart_add(&chart[ACCURACY], name, step, real(record, "accuracy"));
    add_retention(&chart[KEPT], record, step);
}

static bool write_new(const struct chart *chart, const char *fresh, const char *path)
{
    FILE *f = fopen(fresh, "w");
    bool good = f != NULL;
    if (f) {
        chart_write(f, chart, CHARTS);
        good = !ferror(f);
        good = fclose(f) == 0 && good;
    }
    good = good && rename(fresh, path) == 0;
    if (!good) {
        message_error("%s: %s", path, strerror(errno));
        unlink(fresh);
    }
    return good;
}

static bool write_file(const struct chart *chart, const char *folder)
{
    char *path = folder_path(folder, "plot.svg"), *fresh = folder_path(folder, "plot.svg.new");
    const bool good = path && fresh && write_new(chart, fresh, path);
    free(path);
    free(fresh);
    return good;
}

bool plot_write(const json_t *records, const char *folder)
{
    struct chart *chart = calloc(CHARTS, sizeof *chart);
    if (!chart) {
        message_error("out of memory");
        return false;
    }
    static const char *const titles[CHARTS] = {"loss (nats per target)", "accuracy",
                                               "retained tokens (moving average)"};
    for (size_t i = 0; i < CHARTS; i++) {
        chart[i].title = titles[i];
        chart[i].x_name = "step";
    }
    for (size_t i = 0; i < json_array_size(records); i++)
        add_record(chart, json_array_get(records, i));
    const bool good = write_file(chart, folder);
    for (size_t i = 0; i < CHARTS; i++)
        chart_end(&chart[i]);
    free(chart);
    return good;
}
