// SPDX-License-Identifier: BSD-2-Clause
// Line charts: axes with round numbers, a line of each series, a legend.
#include "config.h"

#include "tools/train/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 860, HEIGHT = 260, LEFT = 70, RIGHT = 190, TOP = 34, BOTTOM = 40, TICKS = 6 };

void chart_add(struct chart *c, const char *name, double x, double y)
{
    struct chart_line *line = NULL;
    for (size_t i = 0; i < c->lines && !line; i++)
        if (!strcmp(c->line[i].name, name))
            line = &c->line[i];
    if (!isfinite(x) || !isfinite(y) || (!line && c->lines == CHART_LINES))
        return;
    if (!line) {
        line = &c->line[c->lines++];
        *line = (struct chart_line){.point = NULL};
        snprintf(line->name, sizeof line->name, "%s", name);
    }
    if (line->points == line->capacity) {
        const size_t more = line->capacity ? 2 * line->capacity : 64;
        struct chart_point *larger = realloc(line->point, more * sizeof *larger);
        if (!larger)
            return;
        line->point = larger;
        line->capacity = more;
    }
    line->point[line->points++] = (struct chart_point){x, y};
}

void chart_end(struct chart *c)
{
    for (size_t i = 0; i < c->lines; i++)
        free(c->line[i].point);
    c->lines = 0;
}

struct scale {
    double low, high, step;
};

// The smallest of 1, 2, 5 times a power of ten that cuts the range into at most TICKS.
static struct scale scale_of(double low, double high)
{
    if (high - low < 1e-12 * (1 + fabs(high)))
        high = low + (low == 0 ? 1 : fabs(low));
    const double power = pow(10, floor(log10((high - low) / TICKS)));
    double step = power;
    for (int i = 1; (high - low) / step > TICKS; i++)
        step = power * (i % 3 == 1 ? 2 : i % 3 == 2 ? 5 : 10) * pow(10, (i - 1) / 3);
    return (struct scale){floor(low / step) * step, ceil(high / step) * step, step};
}

static void find_scales(const struct chart *c, struct scale *x, struct scale *y)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < c->lines; i++)
        for (size_t k = 0; k < c->line[i].points; k++) {
            const struct chart_point p = c->line[i].point[k];
            low[0] = fmin(low[0], p.x), high[0] = fmax(high[0], p.x);
            low[1] = fmin(low[1], p.y), high[1] = fmax(high[1], p.y);
        }
    *x = scale_of(fmin(0, low[0]), high[0]);
    *y = scale_of(fmin(0, low[1]), high[1]);
}

static double place_x(const struct scale *s, double x)
{
    return LEFT + (x - s->low) / (s->high - s->low) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct scale *s, double y, double top)
{
    return top + HEIGHT - BOTTOM - (y - s->low) / (s->high - s->low) * (HEIGHT - TOP - BOTTOM);
}

static void write_text(FILE *f, double x, double y, const char *anchor, const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    for (; *text; text++)
        if (*text == '<' || *text == '&')
            fputs(*text == '<' ? "&lt;" : "&amp;", f);
        else
            fputc(*text, f);
    fputs("</text>\n", f);
}

static void write_axes(FILE *f, const struct chart *c, const struct scale *x, const struct scale *y,
                       double top)
{
    char text[32];
    write_text(f, LEFT, top + 20, "start", c->title);
    write_text(f, WIDTH - RIGHT, top + HEIGHT - 6, "end", c->x_name);
    for (double v = y->low; v <= y->high + y->step / 2; v += y->step) {
        const double at = place_y(y, v, top);
        fprintf(f, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n", LEFT, at, WIDTH - RIGHT);
        snprintf(text, sizeof text, "%.6g", fabs(v) < y->step / 2 ? 0 : v);
        write_text(f, LEFT - 6, at + 4, "end", text);
    }
    for (double v = x->low; v <= x->high + x->step / 2; v += x->step) {
        snprintf(text, sizeof text, "%.6g", v);
        write_text(f, place_x(x, v), top + HEIGHT - BOTTOM + 16, "middle", text);
    }
}

// More points than pixels are averaged, so that a long run stays a small file.
static void write_line(FILE *f, const struct chart_line *line, const struct scale *x,
                       const struct scale *y, double top, const char *color)
{
    const size_t group = line->points / (WIDTH - LEFT - RIGHT) + 1;
    fprintf(f, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"", color);
    for (size_t i = 0; i < line->points; i += group) {
        const size_t n = line->points - i < group ? line->points - i : group;
        double sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += line->point[i + k].y;
        fprintf(f, "%s%.1f %.1f", i ? "L" : "M", place_x(x, line->point[i + n - 1].x),
                place_y(y, sum / (double)n, top));
    }
    fputs("\"/>\n", f);
}

static const char *const colors[] = {"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd",
                                     "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"};
enum { COLORS = sizeof colors / sizeof colors[0], LEGEND = 14 };

static void write_chart(FILE *f, const struct chart *c, double top)
{
    struct scale x, y;
    find_scales(c, &x, &y);
    write_axes(f, c, &x, &y, top);
    for (size_t i = 0; i < c->lines; i++) {
        const char *color = colors[i % COLORS];
        write_line(f, &c->line[i], &x, &y, top, color);
        if (i >= LEGEND)
            continue;
        const double at = top + TOP + 15 * (double)i;
        fprintf(f, "<path d=\"M%d %.1fh16\" stroke=\"%s\" stroke-width=\"2\"/>\n", WIDTH - RIGHT + 12,
                at, color);
        write_text(f, WIDTH - RIGHT + 34, at + 4, "start", c->line[i].name);
    }
}

void chart_write(FILE *f, const struct chart *chart, size_t charts)
{
    size_t shown = 0;
    for (size_t i = 0; i < charts; i++)
        shown += chart[i].lines != 0;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            (int)WIDTH, shown * HEIGHT);
    double top = 0;
    for (size_t i = 0; i < charts; i++) {
        if (!chart[i].lines)
            continue;
        write_chart(f, &chart[i], top);
        top += HEIGHT;
    }
    fputs("</svg>\n", f);
}
