// SPDX-License-Identifier: BSD-2-Clause
// linear on the device: few tokens read every weight once, many share tiles of them.
#include "config.h"

#include "lib/vk/cooperative.h"
#include "lib/vk/op/matrix.h"
#include "lib/vk/ops.h"

enum {
    ROWS = 4,         // weight rows a workgroup of matvec takes
    MOST_TOKENS = 8,  // tokens it takes, at most
    TILE = 64,        // tokens, and weight rows, of a workgroup of gemm
    GEMM_TOKENS = 24  // from here on a sequence's tokens are tiled
};

// A session's bits must not depend on those that share its step: there only a step of one sequence
// is tiled.
static bool tiles(const struct lte_vk_encoder *e)
{
    return e->rows >= GEMM_TOKENS && e->groups == 1 && e->group->count == 1;
}

static void few(struct lte_vk_encoder *e, struct lte_vk_call *call, uint32_t rows)
{
    uint32_t tokens = 1;
    while (tokens < MOST_TOKENS && tokens < e->rows)
        tokens *= 2;
    call->kernel = lte_vk_runs(e->device, LTE_VK_matvec_subgroups) ? LTE_VK_matvec_subgroups
                                                                   : LTE_VK_matvec;
    call->constant[1] = tokens;
    call->x = (rows + ROWS - 1) / ROWS;
    call->y = (e->rows + tokens - 1) / tokens;
}

static void many(struct lte_vk_encoder *e, struct lte_vk_call *call, uint32_t rows)
{
    call->kernel = LTE_VK_gemm;
    call->x = (rows + TILE - 1) / TILE;
    call->y = (e->rows + TILE - 1) / TILE;
}

static bool cooperates(const struct lte_vk_encoder *e, const struct lte_linear_part *part)
{
    return tiles(e) && !part->steady && lte_vk_runs(e->device, LTE_VK_gemm_cooperative) &&
           part->weight.type != LTE_DTYPE_F32 && part->weight.cols % 8 == 0;
}

// For every row of a bf16 matrix, as row_shift.comp.
static void make_shifts(void *to, size_t bytes, const void *from)
{
    const struct lte_matrix *w = from;
    const uint16_t *row = w->data;
    int32_t *shift = to;
    for (size_t i = 0; i < bytes / sizeof *shift; i++, row += w->cols) {
        unsigned most = 0;
        for (size_t c = 0; c < w->cols; c++)
            most = (row[c] & 0x7fffu) > most ? row[c] & 0x7fffu : most;
        shift[i] = LTE_SHIFT((int)(most >> 7));
    }
}

// Shifts of the inputs' rows, for all the parts; nothing if no part needs them.
static struct lte_vk_range shift_inputs(struct lte_vk_encoder *e, const struct lte_op *op)
{
    bool any = false;
    for (unsigned i = 0; i < op->linear.parts; i++)
        any = any || cooperates(e, &op->linear.part[i]);
    if (!any)
        return lte_vk_none();
    const struct lte_row_shift_params p = {.first = lte_vk_first(e, op->in[0]),
                                           .stride = lte_vk_width(e, op->in[0]),
                                           .width = (uint32_t)op->linear.part[0].weight.cols};
    const struct lte_vk_range shift = lte_vk_scratch(e, e->rows * sizeof(int32_t));
    lte_vk_run(e, &(struct lte_vk_call){.kernel = LTE_VK_row_shift,
                                        .bind = {lte_vk_value(e, op->in[0]), shift},
                                        .push = &p,
                                        .x = e->rows,
                                        .y = 1,
                                        .z = 1});
    return shift;
}

static void cooperate(struct lte_vk_encoder *e, struct lte_vk_call *call,
                      const struct lte_linear_part *part, const struct lte_vk_range *shift)
{
    const struct lte_matrix *w = &part->weight;
    call->kernel = LTE_VK_gemm_cooperative;
    for (int i = 0; i < 3; i++)
        call->constant[1 + i] = e->device->matrix[i];
    call->constant[4] = LTE_VK_COOPERATIVE_SUBGROUPS * e->device->subgroups.subgroupSize;
    call->bind[4] = *shift;
    call->bind[5] = lte_vk_none();
    if (w->type == LTE_DTYPE_BF16)
        call->bind[5] = lte_vk_made(e, w, w->rows * sizeof(int32_t), make_shifts);
}

static void piece(struct lte_vk_encoder *e, const struct lte_op *op,
                  const struct lte_linear_part *part, const struct lte_vk_range *shift,
                  const struct lte_vk_range *weight, size_t from, size_t rows, bool beside)
{
    const struct lte_matrix *w = &part->weight;
    const struct lte_linear_params p = {.x_first = lte_vk_first(e, op->in[0]),
                                        .y_first = lte_vk_first(e, part->out),
                                        .tokens = (uint32_t)e->rows,
                                        .rows = (uint32_t)rows,
                                        .cols = (uint32_t)w->cols,
                                        .x_stride = lte_vk_width(e, op->in[0]),
                                        .y_stride = lte_vk_width(e, part->out),
                                        .column = (uint32_t)(part->column + from),
                                        .biased = part->bias != NULL,
                                        .bias_first = (uint32_t)from};
    struct lte_vk_call call = {
        .constant = {w->type, 0, w->cols % 8 == 0},
        .bind = {lte_vk_value(e, op->in[0]), *weight,
                 lte_vk_weight(e, part->bias, w->rows * sizeof *part->bias),
                 lte_vk_value(e, part->out)},
        .push = &p,
        .beside = beside, // every piece writes columns of its own
        .z = 1};
    if (!tiles(e) || part->steady)
        few(e, &call, p.rows);
    else
        many(e, &call, p.rows);
    if (cooperates(e, part))
        cooperate(e, &call, part, shift);
    lte_vk_run(e, &call);
}

void lte_vk_encode_linear(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_vk_range shift = shift_inputs(e, op);
    bool waited = !shift.bytes; // for the shifts
    for (unsigned i = 0; i < op->linear.parts; i++) {
        const struct lte_linear_part *part = &op->linear.part[i];
        const struct lte_matrix *w = &part->weight;
        const bool waits = !waited && cooperates(e, part);
        const struct lte_vk_range whole = lte_vk_matrix(e, w);
        const size_t rows = lte_vk_piece_rows(e, w);
        for (size_t from = 0; from < w->rows; from += rows) {
            const size_t n = w->rows - from < rows ? w->rows - from : rows;
            const struct lte_vk_range weight = lte_vk_piece(&whole, w, from, n);
            piece(e, op, part, &shift, &weight, from, n, (i || from) && !(waits && !from));
        }
        waited = waited || waits;
    }
}
