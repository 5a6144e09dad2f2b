// SPDX-License-Identifier: BSD-2-Clause
// embed on the device; a table larger than the device binds goes piece by piece.
#include "config.h"

#include "lib/vk/op/matrix.h"
#include "lib/vk/ops.h"

enum { THREADS = 128 };

void lte_vk_encode_embed(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_matrix *t = &op->embed.table;
    const size_t rows = lte_vk_piece_rows(e, t);
    const struct lte_vk_range table = lte_vk_matrix(e, t);
    for (size_t from = 0; from < t->rows; from += rows) {
        const size_t n = t->rows - from < rows ? t->rows - from : rows;
        const struct lte_embed_params p = {.first = lte_vk_first(e, op->out),
                                           .width = (uint32_t)t->cols,
                                           .table_first = (uint32_t)from,
                                           .table_rows = (uint32_t)n};
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_embed,
            .constant = {t->type},
            .bind = {e->tokens, lte_vk_piece(&table, t, from, n), lte_vk_value(e, op->out)},
            .push = &p,
            .x = (t->cols + THREADS - 1) / THREADS,
            .y = e->rows,
            .z = 1});
    }
}
