// SPDX-License-Identifier: BSD-2-Clause
// The gradient of attention against the reference: who is seen, which rows are touched.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { ROWS = 80, GRADIENTS = 4 };

// One call, with what it adds to in memory of its own.
struct problem {
    struct lte_attend_grad_args a;
    size_t q_size, k_size, gate_size;
    uint32_t at[LTE_ATTEND_GRAD_KEYS], from[LTE_ATTEND_GRAD_KEYS], until[LTE_ATTEND_GRAD_KEYS];
    bool gate;
};

struct result {
    float *x[GRADIENTS];
    size_t n[GRADIENTS];
};

static float *normal(size_t n)
{
    float *x = check_buffer(n * sizeof *x, 4 * check_below(16));
    check_fill(x, n, CHECK_NORMAL);
    return x;
}

// All keys to all queries, a diagonal, a window, or anything, empty and backward ranges too.
static void choose_sight(struct problem *p)
{
    const uint32_t first = (uint32_t)p->a.first, count = (uint32_t)p->a.count;
    const size_t sight = check_below(4);
    for (uint32_t s = 0; s < p->a.keys; s++) {
        p->from[s] = sight ? first + s : 0;
        p->until[s] = sight == 2 ? first + s + 5 : UINT32_MAX;
        if (sight == 3) {
            p->from[s] = (uint32_t)check_below(first + count + 9);
            p->until[s] = (uint32_t)check_below(first + count + 9);
        }
    }
}

static void shuffle_rows(struct problem *p)
{
    uint32_t row[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = i;
    for (size_t s = 0; s < p->a.keys; s++) {
        const size_t other = s + check_below(ROWS - s);
        p->at[s] = row[other];
        row[other] = row[s];
    }
}

static void make(struct problem *p, size_t dim, size_t group, size_t keys, size_t count)
{
    const size_t width = group * dim, first = check_below(40), queries = first + count;
    p->a = (struct lte_attend_grad_args){
        .q_stride = width + check_below(5), .lse_stride = group + check_below(3),
        .k_stride = dim + check_below(5), .gate_stride = 1 + check_below(3), .from = p->from,
        .until = p->until, .keys = keys, .first = first, .count = count, .group = group,
        .head_dim = dim, .scale = check_uniform(0.5f, 2) / sqrtf((float)dim)};
    p->q_size = queries * p->a.q_stride;
    p->k_size = ROWS * p->a.k_stride;
    p->gate_size = ROWS * p->a.gate_stride;
    p->a.q = normal(p->q_size);
    p->a.o = normal(p->q_size);
    p->a.d_o = normal(p->q_size);
    p->a.k = normal(p->k_size);
    p->a.v = normal(p->k_size);
    float *lse = normal(queries * p->a.lse_stride);
    for (size_t i = 0; i < queries * p->a.lse_stride; i++)
        lse[i] += 4;
    p->a.lse = lse;
    choose_sight(p);
    shuffle_rows(p);
    p->a.at = check_below(2) ? p->at : NULL;
    p->gate = check_below(4) > 0;
}

static struct result run(const struct problem *p, const struct lte_kernels *k)
{
    const size_t scratch = lte_attend_grad_scratch(p->a.head_dim) * sizeof(float);
    struct result r = {.n = {p->q_size, p->k_size, p->k_size, p->gate_size}};
    struct lte_attend_grad_args a = p->a;
    for (size_t i = 0; i < GRADIENTS; i++) {
        r.x[i] = check_buffer(r.n[i] * sizeof(float), 4 * i);
        for (size_t j = 0; j < r.n[i]; j++)
            r.x[i][j] = 0.25f;
    }
    a.dq = r.x[0];
    a.dk = r.x[1];
    a.dv = r.x[2];
    a.dgate = p->gate ? r.x[3] : NULL;
    a.scratch = check_buffer(scratch, 0);
    memset(a.scratch, 0xFF, scratch);
    k->attend_grad(&a);
    return r;
}

static double largest_product(const struct problem *p)
{
    double max = 0;
    for (size_t i = 0; i < p->a.count * p->a.group; i++) {
        const float *q = p->a.q + (p->a.first + i / p->a.group) * p->a.q_stride +
                         i % p->a.group * p->a.head_dim;
        for (size_t s = 0; s < ROWS; s++) {
            double sum = 0;
            for (size_t d = 0; d < p->a.head_dim; d++)
                sum += (double)q[d] * p->a.k[s * p->a.k_stride + d];
            max = fmax(max, fabs(sum));
        }
    }
    return max;
}

static bool same_as_reference(const struct lte_kernels *k, const struct problem *p, double *worst)
{
    static const char *const name[] = {"dq", "dk", "dv", "dgate"};
    const struct result want = run(p, check_ref()), got = run(p, k);
    const double tolerance = 4e-6 * (1 + p->a.scale * largest_product(p));
    bool good = check_guards();
    for (size_t i = 0; i < GRADIENTS; i++) {
        double most = 0.25;
        for (size_t j = 0; j < want.n[i]; j++)
            most = fmax(most, fabs((double)want.x[i][j]));
        good = good && check_near(got.x[i], want.x[i], want.n[i], most, tolerance, worst, name[i]);
    }
    if (!good)
        check_note("dim %zu group %zu keys %zu count %zu%s", p->a.head_dim, p->a.group, p->a.keys,
                   p->a.count, p->a.at ? " scattered" : "");
    return good;
}

static void check_shapes(const struct lte_kernels *k, const char *name)
{
    static const size_t hot[] = {64, 80, 128, 256, 300};
    double worst = 0;
    bool good = true;
    for (size_t i = 0; good && i < 60; i++) {
        struct problem p;
        const size_t dim = i < 50 ? 1 + i % 36 : hot[i % 5];
        const size_t keys = i % 3 ? check_below(LTE_ATTEND_GRAD_KEYS) + 1 : LTE_ATTEND_GRAD_KEYS;
        const size_t count = i % 4 ? check_below(LTE_ATTEND_GRAD_QUERIES) + 1
                                   : LTE_ATTEND_GRAD_QUERIES;
        make(&p, dim, 1 + check_below(i < 50 ? 5 : 2), keys, count);
        good = same_as_reference(k, &p, &worst);
        check_free_buffers();
    }
    check_ok(good, "attend_grad %s: head dims 1..36, 64, 80, 128, 256, 300", name);
    check_note("attend_grad %s: worst error %.2g of the largest", name, worst);
}

// Nothing is seen: nothing changes, whatever lies in the hidden keys' scores.
static void check_hidden(const struct lte_kernels *k, const char *name)
{
    struct problem p;
    make(&p, 24, 2, 37, 29);
    for (size_t s = 0; s < p.a.keys; s++)
        p.from[s] = p.until[s] = (uint32_t)(p.a.first + s);
    float *lse = (float *)p.a.lse;
    for (size_t i = 0; i < (p.a.first + p.a.count) * p.a.lse_stride; i++)
        lse[i] = -1e30f; // the weights of hidden keys overflow
    p.gate = true;
    const struct result r = run(&p, k);
    bool good = check_guards();
    for (size_t i = 0; i < GRADIENTS; i++)
        for (size_t j = 0; j < r.n[i]; j++)
            good &= r.x[i][j] == 0.25f;
    check_ok(good, "attend_grad %s: hidden keys change nothing", name);
    check_free_buffers();
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "attend_grad");
    check_hidden(check_ref(), "ref");
    for (const struct check_level *l = check_levels(); l->name; l++) {
        check_shapes(l->kernels, l->name);
        check_hidden(l->kernels, l->name);
    }
    return check_end();
}
