// SPDX-License-Identifier: BSD-2-Clause
// One op, forwards and backwards, on a tape in guarded memory.
#include "config.h"

#include "tests/grad_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lte/session.h"

enum { GUARD = 128, GUARD_BYTE = 0xC3, ALIGN = 64 };

// Where things lie in the rig's memory, with guards in between.
enum {
    SAVED = GRAD_VALUES * 2 + GRAD_WEIGHTS, // after values, their gradients, weights' gradients
    SCRATCH,
    REGIONS
};

struct rig {
    struct grad_case *c;
    const struct grad_run *run;
    struct lte_context context;
    unsigned char *memory;
    size_t offset[REGIONS], bytes[REGIONS], size;
    struct lte_graph graph;
    struct lte_segment *segment;
    struct lte_weight_range range[GRAD_WEIGHTS];
    struct lte_tape tape;
    const struct lte_op_row *row;
};

size_t grad_rows(const struct grad_case *c)
{
    size_t rows = 0;
    for (size_t i = 0; i < c->segments; i++)
        rows += c->segment[i];
    return rows;
}

float *grad_normal(size_t n, float scale)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    if (!x)
        exit(99);
    for (size_t i = 0; i < n; i++)
        x[i] = scale * check_normal();
    return x;
}

static void free_results(struct grad_case *c)
{
    for (size_t i = 0; i < GRAD_OUTPUTS; i++) {
        free(c->out[i]);
        c->out[i] = NULL;
    }
    for (size_t i = 0; i < GRAD_INPUTS; i++) {
        free(c->in_gradient[i]);
        c->in_gradient[i] = NULL;
    }
    for (size_t i = 0; i < GRAD_WEIGHTS; i++) {
        free(c->weight[i].gradient);
        c->weight[i].gradient = NULL;
    }
}

void grad_free(struct grad_case *c)
{
    free_results(c);
}

// Whether value i takes part in backward through a bit of `bits`, of inputs or of the output.
static bool has(const struct grad_case *c, size_t i, unsigned bits)
{
    if (i >= c->inputs)
        return bits & LTE_READS_OUT;
    for (size_t j = 0; j < LTE_OP_INPUTS; j++)
        if (c->op.in[j] == i && (bits >> j & 1))
            return true;
    return false;
}

static float *region(const struct rig *r, size_t i)
{
    return (float *)(void *)(r->memory + r->offset[i]);
}

static float *value(const struct rig *r, size_t i)
{
    return region(r, i);
}

static float *value_gradient(const struct rig *r, size_t i)
{
    return region(r, GRAD_VALUES + i);
}

static float *weight_gradient(const struct rig *r, size_t i)
{
    return region(r, 2 * GRAD_VALUES + i);
}

// Scratch for the row's compute or the gradient's functions, whichever wants more.
static void plan_scratch(struct rig *r, const struct lte_tape_limits *limits)
{
    struct lte_session_params p;
    size_t shared[2] = {0, 0}, each[2] = {0, 0};
    lte_session_params_init(&p);
    p.batch = (uint32_t)limits->rows;
    p.max_tokens = limits->rows;
    if (r->row->scratch && !r->row->gradient->forward)
        r->row->scratch(&r->c->op, &p, &r->context.kernels, &shared[0], &each[0]);
    if (r->row->gradient->scratch)
        r->row->gradient->scratch(&r->c->op, limits, &r->context.kernels, &shared[1], &each[1]);
    struct lte_exec_memory *m = &r->tape.exec.memory;
    m->scratch_shared = lte_align(shared[0] > shared[1] ? shared[0] : shared[1]);
    m->scratch_each = lte_align(each[0] > each[1] ? each[0] : each[1]);
    r->bytes[SCRATCH] = m->scratch_shared + m->scratch_each * r->run->threads;
}

static bool allocate(struct rig *r)
{
    const struct grad_case *c = r->c;
    const struct lte_tape_limits limits = {grad_rows(c), c->segments};
    for (size_t i = 0; i < c->inputs + c->outputs; i++)
        r->bytes[i] = r->bytes[GRAD_VALUES + i] = limits.rows * c->width[i] * sizeof(float);
    for (size_t i = 0; i < c->weights; i++)
        r->bytes[2 * GRAD_VALUES + i] = c->weight[i].floats * sizeof(float);
    if (r->row->gradient->saved)
        r->bytes[SAVED] = r->row->gradient->saved(&c->op, &limits);
    plan_scratch(r, &limits);
    r->size = GUARD;
    for (size_t i = 0; i < REGIONS; i++) {
        r->offset[i] = r->size;
        r->size = lte_align(r->size + r->bytes[i]) + GUARD;
    }
    r->memory = aligned_alloc(ALIGN, r->size);
    r->segment = calloc(c->segments, sizeof *r->segment);
    r->tape.limits = limits;
    return r->memory && r->segment;
}

// Everything that has not been written yet reads as NaN.
static void fill_memory(struct rig *r)
{
    const struct grad_case *c = r->c;
    memset(r->memory, GUARD_BYTE, r->size);
    for (size_t i = 0; i < REGIONS; i++)
        memset(r->memory + r->offset[i], 0xFF, r->bytes[i]);
    for (size_t i = 0; i < c->inputs + c->outputs; i++) {
        const size_t n = r->bytes[i] / sizeof(float);
        if (i < c->inputs)
            memcpy(value(r, i), c->in[i], r->bytes[i]);
        else
            memcpy(value_gradient(r, i), c->out_gradient[i - c->inputs], r->bytes[i]);
        for (size_t j = 0; i < c->inputs && j < n; j++)
            value_gradient(r, i)[j] = r->run->start;
    }
    for (size_t i = 0; i < c->weights; i++)
        for (size_t j = 0; j < c->weight[i].floats; j++)
            weight_gradient(r, i)[j] = r->run->start;
}

static int by_address(const void *a, const void *b)
{
    const struct lte_weight_range *x = a, *y = b;
    return (uintptr_t)x->from < (uintptr_t)y->from ? -1 : (uintptr_t)x->from > (uintptr_t)y->from;
}

static void make_tape(struct rig *r)
{
    struct grad_case *c = r->c;
    struct lte_tape *t = &r->tape;
    r->graph = (struct lte_graph){.op = &c->op, .ops = 1, .head = 1, .width = c->width,
                                  .values = c->inputs + c->outputs, .slots = c->op.slot + 1};
    for (size_t i = 0, at = 0; i < c->segments; at += c->segment[i++])
        r->segment[i] = (struct lte_segment){.row = at, .rows = c->segment[i]};
    for (size_t i = 0; i < c->weights; i++)
        r->range[i] = (struct lte_weight_range){
            c->weight[i].data, c->weight[i].floats * lte_dtype_size(c->weight[i].type),
            lte_dtype_size(c->weight[i].type),
            r->run->frozen >> i & 1 ? NULL : weight_gradient(r, i)};
    qsort(r->range, c->weights, sizeof *r->range, by_address);
    t->exec.graph = &r->graph;
    t->exec.context = &r->context;
    t->exec.kernels = &r->context.kernels;
    t->exec.memory.values = r->memory;
    t->exec.memory.offset = r->offset;
    t->exec.memory.scratch = r->memory + r->offset[SCRATCH];
    t->exec.tokens = c->tokens;
    t->exec.segment = r->segment;
    t->exec.segments = c->segments;
    t->gradients = r->memory;
    t->gradient_offset = r->offset + GRAD_VALUES;
    t->saved = r->memory;
    t->saved_offset = r->offset + SAVED;
    t->range = r->range;
    t->ranges = c->weights;
    t->budget = c->budget;
    t->index = c->index;
    t->dropout_key = c->dropout_key;
    t->training = true;
}

static void forward(struct lte_tape *t, const struct lte_op *op)
{
    const struct lte_op_row *row = lte_op_table[op->kind];
    if (row->gradient->forward)
        row->gradient->forward(t, op);
    else
        row->compute(&t->exec, op);
}

static void each_block(struct rig *r, void (*fn)(struct lte_tape *t, const struct lte_op *op))
{
    const size_t rows = r->tape.limits.rows, block = r->c->row_block ? r->c->row_block : rows;
    for (size_t first = 0; first < rows; first += block) {
        r->tape.exec.first = first;
        r->tape.exec.rows = rows - first < block ? rows - first : block;
        fn(&r->tape, &r->c->op);
    }
}

static void run_op(struct lte_par *par, void *arg)
{
    struct rig *r = arg;
    struct grad_case *c = r->c;
    const struct lte_gradient *g = r->row->gradient;
    r->tape.exec.par = par;
    each_block(r, forward);
    for (size_t i = 0; i < c->outputs; i++)
        memcpy(c->out[i], value(r, c->inputs + i), r->bytes[c->inputs + i]);
    for (size_t i = 0; i < c->inputs + c->outputs; i++)
        if (!has(c, i, g->reads))
            memset(value(r, i), 0xFF, r->bytes[i]);
    memset(r->memory + r->offset[SCRATCH], 0xFF, r->bytes[SCRATCH]);
    each_block(r, g->backward);
}

static bool guards_hold(const struct rig *r)
{
    size_t end = 0;
    for (size_t i = 0; i <= REGIONS; i++) {
        const size_t next = i < REGIONS ? r->offset[i] : r->size;
        for (; end < next; end++)
            if (r->memory[end] != GUARD_BYTE) {
                check_note("written outside, after region %zu of the rig", i - 1);
                return false;
            }
        if (i < REGIONS)
            end += r->bytes[i];
    }
    return true;
}

// Gradients that are none of the op's must be as they were.
static bool kept_off(const struct rig *r)
{
    const struct grad_case *c = r->c;
    bool good = guards_hold(r);
    for (size_t i = 0; i < c->inputs; i++)
        if (!has(c, i, r->row->gradient->gives))
            for (size_t j = 0; j < r->bytes[i] / sizeof(float); j++)
                good &= value_gradient(r, i)[j] == r->run->start;
    for (size_t i = 0; i < c->weights; i++)
        for (size_t j = 0; (r->run->frozen >> i & 1) && j < c->weight[i].floats; j++)
            good &= weight_gradient(r, i)[j] == r->run->start;
    for (size_t i = 0; i < c->outputs; i++)
        good &= !memcmp(value_gradient(r, c->inputs + i), c->out_gradient[i],
                        r->bytes[c->inputs + i]);
    if (!good)
        check_note("a gradient was written that is not the op's to write");
    return good;
}

static float *copy_region(const struct rig *r, size_t i)
{
    float *copy = malloc(r->bytes[i] + 1);
    if (!copy)
        exit(99);
    memcpy(copy, region(r, i), r->bytes[i]);
    return copy;
}

static void take_results(const struct rig *r)
{
    struct grad_case *c = r->c;
    for (size_t i = 0; i < c->inputs; i++)
        if (has(c, i, r->row->gradient->gives))
            c->in_gradient[i] = copy_region(r, GRAD_VALUES + i);
    for (size_t i = 0; i < c->weights; i++)
        c->weight[i].gradient = copy_region(r, 2 * GRAD_VALUES + i);
}

bool grad_run(struct grad_case *c, const struct grad_run *run)
{
    struct rig r = {.c = c, .run = run, .context = *c->context, .row = lte_op_table[c->op.kind]};
    bool good = false;
    free_results(c);
    if (!r.row->gradient || !r.row->gradient->backward) {
        check_note("%s has no gradient", r.row->name);
        return false;
    }
    r.context.threads = run->threads;
    if (lte_par_open(&r.context, run->threads, &r.context.par) != LTE_OK)
        return false;
    if (allocate(&r)) {
        fill_memory(&r);
        make_tape(&r);
        for (size_t i = 0; i < c->outputs; i++)
            c->out[i] = copy_region(&r, c->inputs + i);
        lte_par_run(r.context.par, run_op, &r);
        good = kept_off(&r);
        take_results(&r);
    }
    lte_par_close(&r.context, r.context.par);
    free(r.memory);
    free(r.segment);
    return good;
}
