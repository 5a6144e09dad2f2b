// SPDX-License-Identifier: BSD-2-Clause
// rope_angles and rope on the device.
#include "config.h"

#include <math.h>

#include "lib/vk/ops.h"

enum { THREADS = 128 };

// What a position adds, in turns, as a fraction of 2^64: low word, high word.
static void turns(void *to, size_t bytes, const void *from)
{
    const double *inv_freq = from;
    uint32_t *word = to;
    for (size_t i = 0; i < bytes / (2 * sizeof *word); i++) {
        const double turn = inv_freq[i] / 6.283185307179586476925;
        const double high = (turn - floor(turn)) * 4294967296.0;
        word[2 * i + 1] = (uint32_t)high;
        word[2 * i] = (uint32_t)((high - floor(high)) * 4294967296.0);
    }
}

void lte_vk_encode_rope_angles(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const size_t half = op->rope.head_dim / 2;
    for (size_t g = 0; g < e->groups; g++) {
        const struct lte_vk_group *group = &e->group[g];
        const struct lte_rope_angles_params p = {.segment = group->first,
                                                 .half_dim = (uint32_t)half};
        lte_vk_run(e, &(struct lte_vk_call){
            .kernel = LTE_VK_rope_angles,
            .bind = {e->segments,
                     lte_vk_made(e, op->rope.inv_freq, half * 2 * sizeof(uint32_t), turns),
                     lte_vk_value(e, op->out)},
            .push = &p,
            .beside = g > 0,
            .x = (half + THREADS - 1) / THREADS,
            .y = group->rows,
            .z = group->count});
    }
}

void lte_vk_encode_rope(struct lte_vk_encoder *e, const struct lte_op *op)
{
    const struct lte_rope_op *o = &op->rope;
    const struct lte_rope_params p = {.first = lte_vk_first(e, op->out),
                                      .heads = (uint32_t)o->heads,
                                      .head_dim = (uint32_t)o->head_dim,
                                      .pairs = o->pairs,
                                      .width = lte_vk_width(e, op->out),
                                      .stride = (uint32_t)(o->stride ? o->stride : o->head_dim)};
    if (op->out != op->in[0] && o->heads * o->head_dim != p.width)
        lte_vk_refuse(e, "heads that turn in part, not in place");
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_rope,
        .bind = {lte_vk_value(e, op->in[0]), lte_vk_value(e, op->in[1]), lte_vk_value(e, op->out)},
        .push = &p,
        .x = (o->heads * o->head_dim / 2 + THREADS - 1) / THREADS,
        .y = e->rows,
        .z = 1});
}
