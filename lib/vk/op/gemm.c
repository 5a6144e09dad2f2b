// SPDX-License-Identifier: BSD-2-Clause
// linear of many tokens on cooperative matrices: what its weights and inputs become, and tiles.
#include "config.h"

#include "lib/vk/op/gemm.h"

#include <string.h>

#include "lib/vk/cooperative.h"

enum { DEPTH = 64 }; // columns that gemm_cooperative takes at a time, at most

bool lte_vk_cooperates(const struct lte_vk_encoder *e, const struct lte_linear_part *part)
{
    return lte_vk_tiles(e) && !part->steady && lte_vk_runs(e->device, LTE_VK_gemm_cooperative) &&
           part->weight.type != LTE_DTYPE_F32 && part->weight.cols % 8 == 0;
}

// The largest magnitude of `cols` bf16 numbers, a multiple of 8, at any address; eight at a time, that
// a compiler makes a vector of them.
static int largest(const unsigned char *row, size_t cols)
{
    int16_t most[8] = {0};
    for (size_t c = 0; c < cols; c += 8) {
        uint16_t x[8];
        memcpy(x, row + c * sizeof *x, sizeof x);
        for (size_t i = 0; i < 8; i++) {
            const int16_t magnitude = (int16_t)(x[i] & 0x7fff);
            most[i] = magnitude > most[i] ? magnitude : most[i];
        }
    }
    int all = 0;
    for (size_t i = 0; i < 8; i++)
        all = most[i] > all ? most[i] : all;
    return all;
}

// For every row of a bf16 matrix, as split_inputs.comp.
static void make_shifts(void *to, size_t bytes, const void *from)
{
    const struct lte_matrix *w = from;
    const unsigned char *row = w->data;
    int32_t *shift = to;
    for (size_t i = 0; i < bytes / sizeof *shift; i++, row += w->cols * sizeof(uint16_t))
        shift[i] = LTE_SHIFT(largest(row, w->cols) >> 7);
}

struct lte_vk_split lte_vk_split_inputs(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const uint32_t cols = (uint32_t)op->linear.part[0].weight.cols;
    struct lte_vk_split s = {.pitch = (cols + DEPTH - 1) / DEPTH * DEPTH / 4};
    bool any = false;
    for (unsigned i = 0; i < op->linear.parts; i++)
        any = any || lte_vk_cooperates(e, &op->linear.part[i]);
    if (!any)
        return s;
    const struct lte_split_inputs_params p = {.first = lte_vk_first(e, op->in[0]),
                                              .stride = lte_vk_width(e, op->in[0]),
                                              .width = cols,
                                              .pitch = s.pitch};
    s.shift = lte_vk_scratch(e, e->rows * sizeof(int32_t));
    s.parts = lte_vk_scratch(e, e->rows * s.pitch * 16);
    lte_vk_run(e, &(struct lte_vk_call){.kernel = LTE_VK_split_inputs,
                                        .bind = {lte_vk_value(e, op->in[0]), s.shift, s.parts},
                                        .push = &p,
                                        .x = e->rows,
                                        .y = 1,
                                        .z = 1});
    return s;
}

void lte_vk_cooperate(struct lte_vk_encoder *e, struct lte_vk_call *call,
                      const struct lte_linear_part *part, const struct lte_vk_split *split,
                      const struct lte_linear_params *l)
{
    const struct lte_matrix *w = &part->weight;
    const struct lte_gemm_cooperative_params p = {.tokens = l->tokens,
                                                  .pitch = split->pitch,
                                                  .rows = l->rows,
                                                  .cols = l->cols,
                                                  .y_first = l->y_first,
                                                  .y_stride = l->y_stride,
                                                  .column = l->column,
                                                  .biased = l->biased,
                                                  .bias_first = l->bias_first};
    const struct lte_vk_tile *tile = lte_vk_cooperative_tile(e->device, e->rows, l->rows);
    call->kernel = LTE_VK_gemm_cooperative;
    for (int i = 0; i < 3; i++)
        call->constant[1 + i] = e->device->matrix[i];
    call->constant[4] = lte_vk_tile_threads(e->device, tile);
    call->constant[5] = tile->tokens;
    call->constant[6] = tile->rows;
    call->constant[7] = tile->subgroup_tokens;
    call->constant[8] = tile->subgroup_rows;
    call->constant[9] = tile->depth;
    call->x = (l->rows + tile->rows - 1) / tile->rows;
    call->y = (e->rows + tile->tokens - 1) / tile->tokens;
    call->bind[0] = split->parts;
    call->bind[4] = split->shift;
    call->bind[5] = lte_vk_none();
    if (w->type == LTE_DTYPE_BF16)
        call->bind[5] = lte_vk_made(e, w, w->rows * sizeof(int32_t), make_shifts);
    call->push = &p;
    lte_vk_run(e, call);
}
