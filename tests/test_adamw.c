// SPDX-License-Identifier: BSD-2-Clause
// The optimizer: schedule, clipping and AdamW, against recurrences in double and the numbers of the
// published recipe.
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/train/adamw.h"
#include "lib/train/clip.h"
#include "lib/train/schedule.h"
#include "tests/check.h"
#include "tests/inside.h"

// Some parameters, as lte_parameters_init() would lay them out: each begins at a multiple of 16.
static const struct {
    size_t elements;
    bool decays, router;
} layout[] = {{40000, true, false}, {1, false, false}, {5, true, true}, {16, false, false},
              {16383, true, false}, {300, false, true}, {7001, false, false}};
enum { COUNT = sizeof layout / sizeof layout[0] };

struct arrays {
    struct lte_parameter parameter[COUNT];
    struct lte_parameters p;
    float *memory;
};

static void make(struct arrays *a, struct lte_context *context)
{
    *a = (struct arrays){.p = {.context = context, .count = COUNT, .parameter = a->parameter}};
    for (size_t i = 0; i < COUNT; i++) {
        a->parameter[i].first = a->p.elements;
        a->parameter[i].weight.elements = layout[i].elements;
        a->parameter[i].decays = layout[i].decays;
        a->parameter[i].router = layout[i].router;
        a->p.elements += (layout[i].elements + 15) / 16 * 16;
    }
    const size_t n = a->p.elements;
    float *memory = a->memory = calloc(n, 4 * sizeof *memory);
    if (!memory)
        exit(99);
    a->p.master = memory;
    a->p.gradient = memory + n;
    a->p.moment1 = memory + 2 * n;
    a->p.moment2 = memory + 3 * n;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < layout[i].elements; j++)
            a->p.master[a->parameter[i].first + j] = check_normal();
}

static void fill_gradient(struct arrays *a)
{
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < layout[i].elements; j++)
            a->p.gradient[a->parameter[i].first + j] = check_normal();
}

struct call {
    const struct lte_parameters *p;
    const struct lte_adamw *adamw;
    double norm;
};

static void run_update(struct lte_par *par, void *arg)
{
    const struct call *c = arg;
    lte_adamw_update(par, c->p, c->adamw);
}

static void update(const struct arrays *a, const struct lte_adamw *adamw)
{
    struct call c = {&a->p, adamw, 0};
    lte_par_run(a->p.context->par, run_update, &c);
}

static void run_norm(struct lte_par *par, void *arg)
{
    struct call *c = arg;
    c->norm = lte_gradient_norm(par, c->p);
}

static double norm(const struct arrays *a)
{
    struct call c = {.p = &a->p};
    lte_par_run(a->p.context->par, run_norm, &c);
    return c.norm;
}

static double relative(double got, double want)
{
    return fabs(got - want) / fabs(want);
}

static void schedule(void)
{
    static const struct {
        uint64_t step;
        double rate, within;
    } known[] = {{0, 5.859375e-7, 1e-12}, {255, 1.5e-4, 1e-12}, {511, 3e-4, 1e-12}, {512, 3e-4, 1e-12},
                 {15616, 1.65e-4, 1e-9}, {30719, 3e-5, 1e-6}, {30720, 3e-5, 1e-12},
                 {1000000, 3e-5, 1e-12}};
    struct lte_train_options o;
    lte_train_options_init(&o);
    o.steps = 30720;
    o.warmup_steps = 512;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const double rate = lte_schedule_rate(&o, known[i].step);
        check_ok(relative(rate, known[i].rate) <= known[i].within, "step %llu: rate %.9g",
                 (unsigned long long)known[i].step, rate);
    }
    bool falls = true;
    for (uint64_t s = 512; s < 30719; s++)
        falls &= lte_schedule_rate(&o, s + 1) < lte_schedule_rate(&o, s);
    check_ok(falls, "the rate falls from the peak on");
    o.warmup_steps = 0;
    check_ok(lte_schedule_rate(&o, 0) == 3e-4, "no warm-up begins at the peak");
    o.warmup_steps = 100;
    o.steps = 10;
    check_ok(relative(lte_schedule_rate(&o, 9), 3e-5) < 1e-12, "a run may end while it warms up");
}

static void clipping(struct lte_context *context)
{
    struct arrays a;
    make(&a, context);
    fill_gradient(&a);
    double sum = 0, without = 0;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < layout[i].elements; j++) {
            const double g = a.p.gradient[a.parameter[i].first + j];
            sum += g * g;
            without += layout[i].router ? 0 : g * g;
        }
    check_ok(relative(norm(&a), sqrt(sum)) < 1e-12, "norm %.9g", sqrt(sum));
    a.p.router_frozen = true;
    check_ok(relative(norm(&a), sqrt(without)) < 1e-12, "norm without routers %.9g", sqrt(without));
    a.p.gradient[a.parameter[5].first + 299] = NAN;
    check_ok(isfinite(norm(&a)), "NaN in a frozen router does not matter");
    a.p.gradient[a.parameter[6].first + 7000] = INFINITY;
    check_ok(!isfinite(norm(&a)), "Inf in the last gradient is seen");
    a.p.gradient[a.parameter[6].first + 7000] = NAN;
    check_ok(!isfinite(norm(&a)), "NaN in the last gradient is seen");
    check_ok(lte_clip_factor(0.5, 1) == 1 && lte_clip_factor(1e9, 0) == 1 &&
                 relative(lte_clip_factor(4, 1), 1 / (4 + 1e-6)) < 1e-7 && lte_clip_factor(0, 1) == 1,
             "clip factors");
    free(a.memory);
}

// One step without gradient: weights shrink by exactly 1 - rate * 0.1, or stay.
static void decay(struct lte_context *context, bool decay_all, double epsilon)
{
    struct arrays a;
    struct lte_train_options o;
    make(&a, context);
    lte_train_options_init(&o);
    o.epsilon = epsilon;
    a.p.router_frozen = true;
    for (size_t i = 0; i < COUNT; i++)
        a.parameter[i].decays |= decay_all;
    float *was = malloc(a.p.elements * sizeof *was);
    if (!was)
        exit(99);
    memcpy(was, a.p.master, a.p.elements * sizeof *was);
    const struct lte_adamw adamw = {&o, 3e-4, 1, 1, 0};
    update(&a, &adamw);
    bool shrinks = true, stays = true;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < layout[i].elements; j++) {
            const size_t at = a.parameter[i].first + j;
            const float want = (float)(was[at] * (1 - 3e-4 * 0.1));
            if (a.parameter[i].decays && !layout[i].router)
                shrinks &= fabsf(a.p.master[at] - want) <= fabsf(want) * 0x1p-23f &&
                           a.p.master[at] != was[at];
            else
                stays &= a.p.master[at] == was[at];
        }
    check_ok(shrinks && stays, "no gradient, %s, epsilon %g: weights shrink by 1 - 3e-5, routers stay",
             decay_all ? "all decay" : "some decay", epsilon);
    free(was);
    free(a.memory);
}

// Ten steps of everything, routers frozen in the first four, against the recurrence in double.
// Routers have `router_rate` times the rate of the rest and, unless it is 0, an epsilon of their
// own.
static void ten_steps(struct lte_context *context, double router_rate, double router_epsilon)
{
    struct arrays a;
    struct lte_train_options o;
    make(&a, context);
    lte_train_options_init(&o);
    o.router_rate = router_rate;
    o.router_epsilon = router_epsilon;
    double *state = calloc(a.p.elements, 3 * sizeof *state), worst = 0;
    if (!state)
        exit(99);
    double *w = state, *m = w + a.p.elements, *v = m + a.p.elements;
    for (size_t i = 0; i < a.p.elements; i++)
        w[i] = a.p.master[i];
    for (unsigned step = 1; step <= 10; step++) {
        const double peak = 1e-3 * step;
        fill_gradient(&a);
        a.p.router_frozen = step <= 4;
        update(&a, &(struct lte_adamw){&o, peak, 0.5f, step, step > 4 ? step - 4 : 0});
        for (size_t i = 0; i < COUNT; i++) {
            const bool router = layout[i].router;
            const unsigned seen = router ? step - 4 : step;
            const double rate = router ? peak * router_rate : peak;
            const double epsilon = router && router_epsilon > 0 ? router_epsilon : 1e-8;
            for (size_t j = 0; j < layout[i].elements && !(router && step <= 4); j++) {
                const size_t at = a.parameter[i].first + j;
                const double g = 0.5 * a.p.gradient[at];
                m[at] = 0.9 * m[at] + 0.1 * g;
                v[at] = 0.95 * v[at] + 0.05 * g * g;
                w[at] *= 1 - (layout[i].decays ? rate * 0.1 : 0);
                w[at] -= rate * (m[at] / (1 - pow(0.9, seen))) /
                         (sqrt(v[at] / (1 - pow(0.95, seen))) + epsilon);
            }
        }
    }
    for (size_t i = 0; i < a.p.elements; i++)
        worst = fmax(worst, fabs(a.p.master[i] - w[i]));
    check_ok(worst < 3e-6, "ten steps, routers at %g of the rate, epsilon %g: off by %.2g", router_rate,
             router_epsilon, worst);
    free(state);
    free(a.memory);
}

// The bits of norm and update with one thread and with two.
static void same_bits(struct lte_context *one, struct lte_context *two)
{
    struct arrays a, b;
    struct lte_train_options o;
    lte_train_options_init(&o);
    const struct lte_adamw adamw = {&o, 1e-3, 0.3f, 1, 1};
    make(&a, one);
    make(&b, two);
    fill_gradient(&a);
    memcpy(b.memory, a.memory, 4 * a.p.elements * sizeof(float));
    check_ok(norm(&a) == norm(&b), "norm: one thread = two");
    update(&a, &adamw);
    update(&b, &adamw);
    check_ok(!memcmp(a.memory, b.memory, 4 * a.p.elements * sizeof(float)), "update: one thread = two");
    free(a.memory);
    free(b.memory);
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "test_adamw");
    struct lte_context *context = inside_context(NULL, 2), *alone = inside_context(NULL, 1);
    schedule();
    clipping(context);
    decay(context, true, 1e-8);
    decay(context, true, 1e-15);
    decay(context, false, 0);
    ten_steps(context, 1, 0);
    ten_steps(context, 0.1, 0);
    ten_steps(context, 1, 0.5);
    same_bits(alone, context);
    lte_close(alone);
    lte_close(context);
    return check_end();
}
