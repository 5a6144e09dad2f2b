// SPDX-License-Identifier: BSD-2-Clause
// Line charts as SVG, one under another.
#ifndef LTE_TOOLS_TRAIN_CHART_H
#define LTE_TOOLS_TRAIN_CHART_H

#include <stddef.h>
#include <stdio.h>

struct chart_point {
    double x, y;
};

struct chart_line {
    char name[72];
    struct chart_point *point;
    size_t points, capacity;
};

enum { CHART_LINES = 48 };

struct chart {
    const char *title, *x_name;
    struct chart_line line[CHART_LINES];
    size_t lines;
};

// Adds a point to the line of that name, which is made if there is none; what is not finite, and a
// line too many, are left out.
void chart_add(struct chart *chart, const char *name, double x, double y);
// Writes the charts that have points. A line's points may be thinned out to the width of the
// picture.
void chart_write(FILE *file, const struct chart *chart, size_t charts);
void chart_end(struct chart *chart);

#endif
