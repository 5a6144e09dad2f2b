// SPDX-License-Identifier: BSD-2-Clause
#include "config.h"

#include "tests/attend_problem.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tests/check.h"

// Who sees a key.
enum sight { ALL, NOT_LONG_AGO, CAUSAL, WINDOW, SPARSE, SIGHTS };

static void choose_sight(const struct lte_attend_args *a, enum sight sight, size_t s,
                         uint32_t *from, uint32_t *until)
{
    const uint32_t first = (uint32_t)a->first, count = (uint32_t)a->count;
    *from = 0;
    *until = UINT32_MAX;
    switch (sight) {
    case NOT_LONG_AGO: // gone before this call
        *until = (uint32_t)check_below(first + 1);
        break;
    case CAUSAL: // some come after the last query
        *from = first + (uint32_t)s % (count + 1);
        break;
    case WINDOW: // also empty ones
        *from = first + (uint32_t)check_below(count);
        *until = *from + (uint32_t)check_below(count);
        break;
    case SPARSE: // also backwards
        if (check_below(4)) {
            *from = check_below(2) ? first + count + (uint32_t)check_below(9) : UINT32_MAX;
            *until = first + count - (uint32_t)check_below(2);
        }
        break;
    default:
        break;
    }
}

static bool is_seen(const struct lte_attend_args *a, const struct lte_kv_span *p, size_t s)
{
    for (size_t i = a->first; i < a->first + a->count; i++)
        if (i >= p->from[s] && i < p->until[s])
            return true;
    return false;
}

static enum lte_dtype type_of(const struct problem *p, const struct lte_kv_span *span)
{
    return span->f32 ? LTE_DTYPE_F32 : p->type;
}

static size_t size_of(enum lte_dtype type)
{
    return type == LTE_DTYPE_F32 ? 4 : 2;
}

static size_t row_of(const struct lte_kv_span *span, size_t s)
{
    return span->at ? span->at[s] : s;
}

static uint32_t *reversed(size_t keys)
{
    uint32_t *at = check_buffer(keys * sizeof *at, 12);
    for (size_t s = 0; s < keys; s++)
        at[s] = (uint32_t)(keys - 1 - s);
    return at;
}

static void *make_rows(const struct problem *p, const struct lte_kv_span *span, size_t stride)
{
    const enum lte_dtype type = type_of(p, span);
    const size_t size = size_of(type), dim = p->a.head_dim;
    const size_t bytes = span->keys ? ((span->keys - 1) * stride + dim) * size : 0;
    char *to = check_buffer(bytes, size * check_below(16));
    float row[PROBLEM_DIM];
    memset(to, 0xFF, bytes);
    for (size_t s = 0; s < span->keys; s++) {
        if (is_seen(&p->a, span, s)) {
            check_fill(row, dim, CHECK_NORMAL);
            check_ref()->narrow[type](to + row_of(span, s) * stride * size, row, dim);
        }
    }
    return to;
}

static void make_span(struct problem *p, struct lte_kv_span *span, size_t keys)
{
    uint32_t *from = check_buffer(keys * sizeof *from, 4);
    uint32_t *until = check_buffer(keys * sizeof *until, 8);
    *span = (struct lte_kv_span){.from = from, .until = until, .keys = keys,
                                 .f32 = check_below(3) == 0};
    const size_t begin = check_below(SIGHTS), run = 1 + check_below(100);
    for (size_t s = 0; s < keys; s++)
        choose_sight(&p->a, (enum sight)((begin + s / run) % SIGHTS), s, &from[s], &until[s]);
    span->k_stride = p->a.head_dim + check_below(3) * check_below(20);
    span->v_stride = p->a.head_dim + check_below(3) * check_below(20);
    span->at = check_below(2) ? reversed(keys) : NULL;
    span->k = make_rows(p, span, span->k_stride);
    span->v = make_rows(p, span, span->v_stride);
}

static double largest_value(const struct problem *p)
{
    double max = 0;
    for (size_t i = 0; i < p->a.spans; i++) {
        const struct lte_kv_span *span = &p->span[i];
        const enum lte_dtype type = type_of(p, span);
        float row[PROBLEM_DIM];
        for (size_t s = 0; s < span->keys; s++) {
            const char *v = (const char *)span->v +
                            row_of(span, s) * span->v_stride * size_of(type);
            check_ref()->widen[type](row, v, p->a.head_dim);
            for (size_t d = 0; d < p->a.head_dim; d++)
                max = fmax(max, fabs((double)row[d])); // NaN does not count
        }
    }
    return max;
}

static double largest_product(const struct problem *p)
{
    double max = 0;
    for (size_t i = 0; i < p->a.spans; i++) {
        const struct lte_kv_span *span = &p->span[i];
        const enum lte_dtype type = type_of(p, span);
        float row[PROBLEM_DIM];
        for (size_t s = 0; s < span->keys; s++) {
            const char *k = (const char *)span->k +
                            row_of(span, s) * span->k_stride * size_of(type);
            check_ref()->widen[type](row, k, p->a.head_dim);
            for (size_t r = 0; r < p->a.count * p->a.group; r++) {
                const float *q = p->a.q + (p->a.first + r / p->a.group) * p->a.q_stride +
                                 r % p->a.group * p->a.head_dim;
                double sum = 0;
                for (size_t d = 0; d < p->a.head_dim; d++)
                    sum += (double)q[d] * row[d];
                max = fmax(max, fabs(sum));
            }
        }
    }
    return max;
}

void problem_make(struct problem *p, const struct problem_shape *shape)
{
    const size_t width = shape->group * shape->dim, queries = shape->first + shape->count;
    p->type = shape->type;
    p->a = (struct lte_attend_args){
        .q_stride = width + check_below(4), .o_stride = width + check_below(4),
        .first = shape->first, .count = shape->count, .group = shape->group,
        .head_dim = shape->dim, .span = p->span, .spans = shape->spans,
        .scale = check_uniform(0.5f, 3) / sqrtf((float)shape->dim)};
    const size_t q_size = (queries - 1) * p->a.q_stride + width;
    const size_t scratch = lte_attend_scratch(shape->group, shape->dim) * sizeof(float);
    float *q = check_buffer(q_size * sizeof *q, 4 * check_below(16));
    check_fill(q, q_size, CHECK_NORMAL);
    p->a.q = q;
    p->o_size = (queries - 1) * p->a.o_stride + width;
    p->a.o = check_buffer(p->o_size * sizeof(float), 4 * check_below(16));
    p->lse_size = (queries - 1) * (shape->group + 2) + shape->group;
    p->a.lse_stride = shape->group + 2;
    p->a.lse = check_buffer(p->lse_size * sizeof(float), 4 * check_below(16));
    p->a.scratch = check_buffer(scratch, 0);
    memset(p->a.scratch, 0xFF, scratch);
    for (size_t i = 0; i < shape->spans; i++)
        make_span(p, &p->span[i], check_below(shape->keys));
    p->lse_tolerance = 2e-6 + 1e-6 * p->a.scale * largest_product(p);
    p->tolerance = largest_value(p) * p->lse_tolerance;
}
