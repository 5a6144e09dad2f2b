// SPDX-License-Identifier: BSD-2-Clause
// linear on the device: few tokens read every weight once, many share tiles of them.
#include "config.h"

#include "lib/vk/op/gemm.h"
#include "lib/vk/op/matrix.h"
#include "lib/vk/ops.h"

enum {
    THREADS = 256,       // of a workgroup of matvec, at most, and
    FEWEST = 32,         // at least
    UNITS = 3,           // of eight columns that a thread keeps of a single token, if there are so few
    TEAMS = 1024,        // workgroups of a single token, at most: others' rows follow
    MOST_GROUPS = 65535, // workgroups of a dispatch's y
    MOST_TOKENS = 8,     // that a workgroup takes, and
    PLAIN_TOKENS = 2,    // without subgroups, because all threads' sums are in shared memory
    TILE = 64            // tokens, and weight rows, of a workgroup of gemm
};

// What the op's neighbours have that the products do for them; lib/fusion.h.
struct neighbours {
    const struct lte_op *norm, *add, *swiglu; // or NULL
};

static void few(struct lte_vk_encoder *e, struct lte_vk_call *call, const struct lte_linear_params *p,
                const struct neighbours *n)
{
    const bool subgroups = lte_vk_runs(e->device, LTE_VK_matvec_subgroups) &&
                           e->device->subgroups.subgroupSize >= 4;
    // What a sum's order depends on may depend on the matrix alone.
    uint32_t threads = FEWEST, tokens = 1;
    while (threads < THREADS && threads * UNITS * 8 < p->cols)
        threads *= 2;
    while (tokens < (subgroups ? MOST_TOKENS : PLAIN_TOKENS) && tokens < e->rows)
        tokens *= 2;
    const uint32_t rows = tokens == 1 ? 2 : 4, span = rows / (n->swiglu ? 2 : 1),
                   units = (p->cols / 8 + threads - 1) / threads;
    const bool keeps = tokens == 1 && p->cols % 8 == 0 && units <= UNITS;
    const size_t spans = (p->rows + span - 1) / span, each = (spans + TEAMS - 1) / TEAMS;
    call->kernel = subgroups ? LTE_VK_matvec_subgroups : LTE_VK_matvec;
    call->constant[1] = tokens;
    call->constant[3] = rows;
    call->constant[4] = keeps ? units : 0;
    call->constant[5] = n->norm != NULL;
    call->constant[6] = n->add ? LTE_FINISH_ADD : n->swiglu ? LTE_FINISH_SWIGLU : LTE_FINISH_NOTHING;
    call->constant[7] = threads;
    call->x = (e->rows + tokens - 1) / tokens;
    call->y = keeps || spans > MOST_GROUPS ? (spans + each - 1) / each : spans;
    if (n->norm)
        call->bind[4] = lte_vk_weight(e, n->norm->norm.weight, p->cols * sizeof(float));
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
                                        .eps = n->norm ? n->norm->norm.eps : 0};
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

static void products(struct lte_vk_encoder *e, const struct lte_op *op, const struct neighbours *n)
{
    const struct lte_vk_split split = lte_vk_split_inputs(e, op);
    const unsigned parts = n->swiglu ? 1 : op->linear.parts;
    bool waited = !split.parts.bytes;
    for (unsigned i = 0; i < parts; i++) {
        const struct lte_linear_part *part = &op->linear.part[i];
        const struct lte_matrix *w = &part->weight, *u = n->swiglu ? &part[1].weight : NULL;
        const bool waits = !waited && lte_vk_cooperates(e, part);
        const struct lte_vk_range whole = lte_vk_matrix(e, w);
        const struct lte_vk_range up = u ? lte_vk_matrix(e, u) : lte_vk_none();
        const size_t rows = lte_vk_piece_rows(e, w);
        for (size_t from = 0; from < w->rows; from += rows) {
            const size_t k = w->rows - from < rows ? w->rows - from : rows;
            piece(e, op, part, &split, n,
                  &(struct piece){.weight = lte_vk_piece(&whole, w, from, k),
                                  .up = u ? lte_vk_piece(&up, u, from, k) : up,
                                  .from = from,
                                  .rows = k,
                                  .beside = (i || from) && !(waits && !from)});
        }
        waited = waited || waits;
    }
}

void lte_vk_encode_linear(struct lte_vk_encoder *e, const struct lte_op *op)
{
    products(e, op, &(struct neighbours){NULL, NULL, NULL});
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
    const struct lte_op *all = e->graph->op, *after = &all[f->last];
    products(e, op,
             &(struct neighbours){.norm = &all[f->first] < op ? &all[f->first] : NULL,
                                  .add = after->kind == LTE_OP_ADD ? after : NULL,
                                  .swiglu = after->kind == LTE_OP_SWIGLU ? after : NULL});
}
