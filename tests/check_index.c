// SPDX-License-Identifier: BSD-2-Clause
// Scores of index keys: every level against the reference, whatever the shapes; and a score that
// does not change when keys come after it.
#include "config.h"

#include <math.h>
#include <string.h>

#include "tests/check.h"

enum { MAX_HEADS = 18, MAX_KEYS = 150, MAX_DIM = 70 };

static const char *const rules[] = {"softmax", "relu", "dot"};

struct problem {
    struct lte_index_args args;
    double scale; // of the tolerance
};

static struct problem random_problem(enum lte_index_rule rule)
{
    struct problem p = {.args = {.rule = rule,
                                 .heads = 1 + check_below(MAX_HEADS),
                                 .keys = 1 + check_below(MAX_KEYS),
                                 .dim = 1 + check_below(MAX_DIM)}};
    struct lte_index_args *a = &p.args;
    a->q_stride = a->dim + check_below(5);
    a->k_stride = a->dim + check_below(5);
    a->scale = 1 / sqrtf((float)a->dim);
    float *q = check_floats(a->heads * a->q_stride), *k = check_floats(a->keys * a->k_stride);
    float *weight = check_floats(a->heads);
    check_fill(q, a->heads * a->q_stride, CHECK_NORMAL);
    check_fill(k, a->keys * a->k_stride, CHECK_NORMAL);
    check_fill(weight, a->heads, CHECK_NORMAL);
    double sum = 0;
    for (size_t h = 0; h < a->heads; h++)
        sum += fabs((double)weight[h]);
    const double product = 4 * (double)a->dim; // |q| |k|, generously
    p.scale = rule == LTE_INDEX_SOFTMAX ? (double)a->heads * (1 + a->scale * product)
                                        : sum * product;
    a->q = q;
    a->k = k;
    a->weight = rule == LTE_INDEX_SOFTMAX ? NULL : weight;
    a->scratch = check_floats(lte_index_scratch(a->keys));
    return p;
}

static bool check_rule(const struct lte_kernels *k, enum lte_index_rule rule, double *worst)
{
    bool good = true;
    for (size_t run = 0; good && run < 60; run++) {
        struct problem p = random_problem(rule);
        float *got = check_floats(p.args.keys), *want = check_floats(p.args.keys);
        p.args.score = want;
        check_ref()->index(&p.args);
        p.args.score = got;
        k->index(&p.args);
        good = check_near(got, want, p.args.keys, p.scale, 1e-6, worst, rules[rule]) &&
               check_guards();
        if (rule != LTE_INDEX_SOFTMAX && p.args.keys > 1) { // fewer keys, the same bits
            p.args.keys = 1 + check_below(p.args.keys - 1);
            p.args.score = want;
            k->index(&p.args);
            good = good && !memcmp(got, want, p.args.keys * sizeof *got);
        }
        check_free_buffers();
    }
    return good;
}

// Two heads and two keys by hand.
static void check_reference(void)
{
    const float q[] = {1, -2}, k[] = {1, 3}, weight[] = {0.5f, 4};
    float score[2], scratch[LTE_INDEX_HEADS * 16];
    struct lte_index_args a = {.rule = LTE_INDEX_RELU, .q = q, .k = k, .weight = weight,
                               .q_stride = 1, .k_stride = 1, .heads = 2, .keys = 2, .dim = 1,
                               .scale = 0.5f, .score = score, .scratch = scratch};
    check_ref()->index(&a);
    check_ok(score[0] == 0.5f && score[1] == 1.5f, "index ref: relu");
    a.rule = LTE_INDEX_DOT;
    check_ref()->index(&a);
    check_ok(score[0] == -7.5f && score[1] == -22.5f, "index ref: dot");
    a.rule = LTE_INDEX_SOFTMAX;
    check_ref()->index(&a);
    check_ok(fabs(score[0] - 1 / (1 + exp(1)) - 1 / (1 + exp(-2))) < 1e-6, "index ref: softmax");
}

int main(int argc, char **argv)
{
    check_begin(argc, argv, "index");
    check_reference();
    for (const struct check_level *l = check_levels(); l->name; l++) {
        for (int rule = LTE_INDEX_SOFTMAX; rule <= LTE_INDEX_DOT; rule++) {
            double worst = 0;
            const bool good = check_rule(l->kernels, (enum lte_index_rule)rule, &worst);
            check_ok(good, "index %s: %s, worst error %.2g", l->name, rules[rule], worst);
        }
    }
    return check_end();
}
