// SPDX-License-Identifier: BSD-2-Clause
// Sums of squares by blocks, whose number and size depend on the parameters alone.
#include "config.h"

#include "lib/train/clip.h"

#include <math.h>

#include "lib/train/piece.h"

enum { LANES = 8, PARTS = 256, BLOCK = 4096 };

struct norm {
    const struct lte_parameters *parameters;
    size_t part;          // elements that make one partial sum
    double sum[PARTS];
};

// Several sums side by side, because one would wait for its own additions.
static double squares(const float *x, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; n - i >= LANES; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += (double)x[i + j] * x[i + j];
    for (; i < n; i++)
        lane[0] += (double)x[i] * x[i];
    for (size_t j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

static void sum_part(void *arg, size_t item, unsigned thread)
{
    (void)thread;
    struct norm *n = arg;
    const struct lte_parameters *p = n->parameters;
    const size_t from = item * n->part;
    const size_t to = p->elements - from < n->part ? p->elements : from + n->part;
    double sum = 0;
    for (size_t i = lte_parameter_at(p, from); i < p->count && p->parameter[i].first < to; i++) {
        const struct lte_piece piece = lte_parameter_piece(p, i, from, to);
        if (piece.elements && !lte_parameter_frozen(p, &p->parameter[i]))
            sum += squares(p->gradient + piece.from, piece.elements);
    }
    n->sum[item] = sum;
}

double lte_gradient_norm(struct lte_par *par, const struct lte_parameters *p)
{
    const size_t each = (p->elements + PARTS - 1) / PARTS;
    struct norm n = {.parameters = p, .part = (each + BLOCK - 1) / BLOCK * BLOCK};
    const size_t parts = n.part ? (p->elements + n.part - 1) / n.part : 0;
    double sum = 0;
    lte_par_for(par, parts, sum_part, &n);
    for (size_t i = 0; i < parts; i++)
        sum += n.sum[i];
    return sqrt(sum);
}

float lte_clip_factor(double norm, double clip)
{
    const double factor = clip / (norm + 1e-6);
    return clip > 0 && factor < 1 ? (float)factor : 1;
}
