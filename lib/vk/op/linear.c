// SPDX-License-Identifier: BSD-2-Clause
// linear on the device: few tokens read every weight once, many share tiles of them.
#include "config.h"

#include "lib/vk/op/linear.h"

#include <string.h>

#include "lib/vk/op/gemm.h"
#include "lib/vk/op/matrix.h"
#include "lib/vk/ops.h"

enum {
    THREADS = 256,       // of a workgroup of matvec, at most, and
    FEWEST = 32,         // at least
    UNITS = 3,           // of eight columns that a thread has, if there are so few
    KEPT = 96,           // inputs of all its tokens that a thread keeps, at most
    TEAMS = 1024,        // workgroups of a single token, at most: others' rows follow
    LARGE_TEAMS = 264,   // of several
    MOST_GROUPS = 65535, // workgroups of a dispatch's y
    PART_ALIGN = 256,    // bytes: where a binding may begin on any device
    MOST_TOKENS = 8,     // that a workgroup takes, and
    PLAIN_TOKENS = 2,    // without subgroups, because all threads' sums are in shared memory
    MOST_SUBGROUPS = 32, // for eight rows' sums of eight tokens, in shared memory
    TILE = 64            // tokens, and weight rows, of a workgroup of gemm
};

// What the op's neighbours have that the products do for them; lib/fusion.h.
struct neighbours {
    const struct lte_op *norm, *add, *swiglu; // or NULL
    const struct lte_vk_roots *roots;         // or NULL
};

static struct neighbours find(const struct lte_op *last)
{
    return (struct neighbours){.add = last->kind == LTE_OP_ADD ? last : NULL,
                               .swiglu = last->kind == LTE_OP_SWIGLU ? last : NULL};
}

// Cooperative matrices bring along the right to insist on a subgroup's size.
static enum lte_vk_kernel kernel_of(const struct lte_vk_device *d, uint32_t threads)
{
    const uint32_t size = d->subgroups.subgroupSize;
    if (lte_vk_runs(d, LTE_VK_matvec_folds) && threads % size == 0)
        return LTE_VK_matvec_folds;
    return lte_vk_runs(d, LTE_VK_matvec_subgroups) && size >= 4 ? LTE_VK_matvec_subgroups
                                                                : LTE_VK_matvec;
}

// How a matrix is gone through. What a sum's order depends on may depend on the matrix alone.
struct shape {
    enum lte_vk_kernel kernel;
    uint32_t threads, units; // of a workgroup; of a thread, of 16 bytes of weights
    uint32_t tokens, rows;   // of a workgroup, at a time
    bool keeps;
    size_t teams;            // workgroups, at most, if it keeps
};

static struct shape shape(const struct lte_vk_encoder *e, const struct lte_linear_params *p,
                          uint32_t type, bool norm)
{
    const uint32_t each = type == LTE_DTYPE_F32 ? 4 : 8;
    struct shape s = {.threads = FEWEST, .tokens = 1};
    while (s.threads < THREADS && s.threads * UNITS * 8 < p->cols)
        s.threads *= 2;
    s.kernel = kernel_of(e->device, s.threads);
    s.units = p->cols / each / s.threads + (p->cols / each % s.threads || p->cols < each);
    const uint32_t most = s.kernel == LTE_VK_matvec ? PLAIN_TOKENS : MOST_TOKENS;
    const uint32_t kept = s.units * each <= UNITS * 8 ? KEPT / (s.units * each) : 0; // tokens
    while (s.tokens < most && s.tokens < e->rows)
        s.tokens *= 2;
    s.keeps = p->cols % 8 == 0 && (norm || s.tokens == 1) && kept > 0;
    while (s.keeps && s.tokens > kept)
        s.tokens /= 2;
    const bool narrow = s.kernel != LTE_VK_matvec_folds ||
                        s.threads / e->device->subgroups.subgroupSize > MOST_SUBGROUPS;
    s.rows = s.tokens == 1 ? 2 : s.keeps || narrow ? 4 : 8;
    s.teams = s.tokens == 1 ? TEAMS : LARGE_TEAMS;
    return s;
}

static void few(struct lte_vk_encoder *e, struct lte_vk_call *call,
                const struct lte_linear_params *p, const struct neighbours *n)
{
    const struct shape s = shape(e, p, call->constant[0], n->norm != NULL);
    const uint32_t span = s.rows / (n->swiglu ? 2 : 1);
    const size_t spans = (p->rows + span - 1) / span, turns = (spans + s.teams - 1) / s.teams;
    call->kernel = s.kernel;
    call->constant[1] = s.tokens;
    call->constant[3] = s.rows;
    call->constant[4] = s.keeps ? s.units : 0;
    call->constant[5] = n->norm ? LTE_NORM_ROWS : n->roots ? LTE_NORM_VECTORS : LTE_NORM_NOTHING;
    call->constant[6] = n->add      ? LTE_FINISH_ADD
                        : n->swiglu ? LTE_FINISH_SWIGLU
                                    : LTE_FINISH_NOTHING;
    call->constant[7] = s.threads;
    call->constant[8] = s.kernel == LTE_VK_matvec_folds ? e->device->subgroups.subgroupSize : 0;
    call->x = (e->rows + s.tokens - 1) / s.tokens;
    call->y = s.keeps || spans > MOST_GROUPS ? (spans + turns - 1) / turns : spans;
    if (n->norm)
        call->bind[4] = lte_vk_weight(e, n->norm->norm.weight, p->cols * sizeof(float));
    if (n->roots)
        call->bind[4] = n->roots->squares;
    if (n->add)
        call->bind[5] = lte_vk_value(e, n->add->in[0]);
}

static void many(struct lte_vk_encoder *e, struct lte_vk_call *call, uint32_t rows)
{
    call->kernel = LTE_VK_gemm;
    call->x = (rows + TILE - 1) / TILE;
    call->y = (e->rows + TILE - 1) / TILE;
}

// Where the op's input is, and where a part's product goes: further than its neighbours, if they
// are done with it.
static lte_value input(const struct lte_op *op, const struct neighbours *n)
{
    return n->norm ? n->norm->in[0] : op->in[0];
}

static lte_value output(const struct lte_linear_part *part, const struct neighbours *n)
{
    return n->add ? n->add->out : n->swiglu ? n->swiglu->out : part->out;
}

// A range of rows of a matrix; `up` is of the other matrix of swiglu.
struct piece {
    struct lte_vk_range weight, up;
    size_t from, rows;
    bool beside;
};

static void piece(struct lte_vk_encoder *e, const struct lte_op *op,
                  const struct lte_linear_part *part, const struct lte_vk_split *split,
                  const struct neighbours *n, const struct piece *r)
{
    const struct lte_matrix *w = &part->weight;
    const lte_value x = input(op, n), y = output(part, n);
    const struct lte_linear_params p = {.x_first = lte_vk_first(e, x),
                                        .y_first = lte_vk_first(e, y),
                                        .tokens = (uint32_t)e->rows,
                                        .rows = (uint32_t)r->rows,
                                        .cols = (uint32_t)w->cols,
                                        .x_stride = lte_vk_width(e, x),
                                        .y_stride = lte_vk_width(e, y),
                                        .column = (uint32_t)(part->column + r->from),
                                        .biased = part->bias != NULL,
                                        .bias_first = (uint32_t)r->from,
                                        .width = n->roots ? n->roots->width : 0,
                                        .blocks = n->roots ? n->roots->blocks : 0,
                                        .eps = n->norm    ? n->norm->norm.eps
                                               : n->roots ? n->roots->eps
                                                          : 0};
    struct lte_vk_call call = {
        .constant = {w->type, 0, w->cols % 8 == 0},
        .bind = {lte_vk_value(e, x), r->weight,
                 lte_vk_weight(e, part->bias, w->rows * sizeof *part->bias), lte_vk_value(e, y),
                 lte_vk_none(), lte_vk_none(), r->up},
        .push = &p,
        .beside = r->beside, // every piece writes columns of its own
        .z = 1};
    if (lte_vk_cooperates(e, part)) {
        lte_vk_cooperate(e, &call, part, split, &p);
        return;
    }
    if (!lte_vk_tiles(e) || part->steady)
        few(e, &call, &p, n);
    else
        many(e, &call, p.rows);
    lte_vk_run(e, &call);
}

static size_t matrix_bytes(const struct lte_matrix *w)
{
    return w->rows * w->cols * lte_dtype_size(w->type);
}

// How many parts from the i-th on have outputs side by side. The device has their weights one
// behind the other, and few tokens a single product with all of them.
static unsigned side_by_side(const struct lte_vk_encoder *e, const struct lte_op *op, unsigned i)
{
    const struct lte_linear_part *first = &op->linear.part[i], *part = first + 1;
    size_t rows = first->weight.rows, bytes = matrix_bytes(&first->weight);
    for (; part < &op->linear.part[op->linear.parts]; part++) {
        const struct lte_matrix *w = &part->weight;
        if (first->bias || part->bias || first->steady || part->steady || part->out != first->out ||
            part->column != first->column + rows || w->type != first->weight.type ||
            w->cols != first->weight.cols || bytes % PART_ALIGN ||
            bytes + matrix_bytes(w) > e->device->properties.limits.maxStorageBufferRange)
            break;
        rows += w->rows;
        bytes += matrix_bytes(w);
    }
    return (unsigned)(part - first);
}

static void join(void *to, size_t bytes, const void *from)
{
    const struct lte_linear_part *part = from;
    for (size_t at = 0; at < bytes; at += matrix_bytes(&part++->weight))
        memcpy((unsigned char *)to + at, part->weight.data, matrix_bytes(&part->weight));
}

// The parts' inputs, and whether the first product that waits for them is behind.
struct inputs {
    struct lte_vk_split split;
    bool waited;
};

// A part's product, its weights in one range.
static void product(struct lte_vk_encoder *e, const struct lte_op *op, const struct neighbours *n,
                    const struct lte_linear_part *part, const struct lte_vk_range *whole,
                    bool beside, struct inputs *x)
{
    const struct lte_matrix *w = &part->weight, *u = n->swiglu ? &op->linear.part[1].weight : NULL;
    const bool waits = !x->waited && lte_vk_cooperates(e, part);
    const struct lte_vk_range up = u ? lte_vk_matrix(e, u) : lte_vk_none();
    const size_t rows = lte_vk_piece_rows(e, w);
    for (size_t from = 0; from < w->rows; from += rows) {
        const size_t k = w->rows - from < rows ? w->rows - from : rows;
        piece(e, op, part, &x->split, n,
              &(struct piece){.weight = lte_vk_piece(whole, w, from, k),
                              .up = u ? lte_vk_piece(&up, u, from, k) : up,
                              .from = from,
                              .rows = k,
                              .beside = (beside || from) && !(waits && !from)});
    }
    x->waited = x->waited || waits;
}

// Parts side by side.
static void joint_products(struct lte_vk_encoder *e, const struct lte_op *op,
                           const struct neighbours *n, unsigned i, unsigned parts, struct inputs *x)
{
    const struct lte_linear_part *part = &op->linear.part[i];
    struct lte_linear_part all = *part;
    struct lte_vk_range r;
    size_t bytes = matrix_bytes(&part->weight);
    for (unsigned k = 1; k < parts; k++) {
        all.weight.rows += part[k].weight.rows;
        bytes += matrix_bytes(&part[k].weight);
    }
    r = lte_vk_made(e, part, bytes, join);
    if (!lte_vk_tiles(e)) {
        product(e, op, n, &all, &r, i > 0, x);
        return;
    }
    for (unsigned k = 0; k < parts; k++) {
        r.bytes = matrix_bytes(&part[k].weight);
        product(e, op, n, &part[k], &r, i + k > 0, x);
        r.offset += r.bytes;
    }
}

static void products(struct lte_vk_encoder *e, const struct lte_op *op, const struct neighbours *n)
{
    struct inputs x = {.split = lte_vk_split_inputs(e, op)};
    const unsigned parts = n->swiglu ? 1 : op->linear.parts;
    x.waited = !x.split.parts.bytes;
    for (unsigned i = 0, k; i < parts; i += k) {
        const struct lte_linear_part *part = &op->linear.part[i];
        k = n->swiglu ? 1 : side_by_side(e, op, i);
        if (k > 1) {
            joint_products(e, op, n, i, k, &x);
        } else {
            const struct lte_vk_range whole = lte_vk_matrix(e, &part->weight);
            product(e, op, n, part, &whole, i > 0, &x);
        }
    }
}

void lte_vk_encode_linear(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct neighbours none = find(op);
    products(e, op, &none);
}

// A dispatch costs more than what few tokens' norms take when every workgroup makes them anew.
bool lte_vk_fuses_linear(const struct lte_vk_encoder *e, const struct lte_op *op)
{
    for (unsigned i = 0; i < op->linear.parts; i++)
        if (op->linear.part[i].steady)
            return false;
    return !lte_vk_tiles(e);
}

void lte_vk_encode_fused_linear(struct lte_vk_encoder *e, const struct lte_op *op,
                                const struct lte_fusion *f)
{
    const struct lte_op *all = e->graph->op;
    struct neighbours n = find(&all[f->last]);
    n.norm = &all[f->first] < op ? &all[f->first] : NULL;
    products(e, op, &n);
}

void lte_vk_encode_rooted_linear(struct lte_vk_encoder *e, const struct lte_op *op,
                                 const struct lte_vk_roots *roots, const struct lte_op *last)
{
    struct neighbours n = find(last);
    n.roots = roots;
    products(e, op, &n);
}
