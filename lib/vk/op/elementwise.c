// SPDX-License-Identifier: BSD-2-Clause
// add, swiglu and silu on the device.
#include "config.h"

#include "lib/vk/ops.h"

enum { THREADS = 128, EACH = 4, MOST = 32768 };

static void encode(struct lte_vk_encoder *e, const struct lte_op *op, uint32_t function)
{
    const bool two = function != LTE_ELEMENTWISE_SILU;
    const uint32_t width = lte_vk_width(e, op->out);
    const struct lte_elementwise_params p = {.first = lte_vk_first(e, op->out) * width,
                                             .count = (uint32_t)e->rows * width};
    const size_t groups = (p.count + THREADS * EACH - 1) / (THREADS * EACH);
    lte_vk_run(e, &(struct lte_vk_call){
        .kernel = LTE_VK_elementwise,
        .constant = {function},
        .bind = {lte_vk_value(e, op->in[0]), two ? lte_vk_value(e, op->in[1]) : lte_vk_none(),
                 lte_vk_value(e, op->out)},
        .push = &p,
        .x = groups < MOST ? groups : MOST,
        .y = 1,
        .z = 1});
}

void lte_vk_encode_add(struct lte_vk_encoder *e, const struct lte_op *op)
{
    encode(e, op, LTE_ELEMENTWISE_ADD);
}

void lte_vk_encode_swiglu(struct lte_vk_encoder *e, const struct lte_op *op)
{
    encode(e, op, LTE_ELEMENTWISE_SWIGLU);
}

void lte_vk_encode_silu(struct lte_vk_encoder *e, const struct lte_op *op)
{
    encode(e, op, LTE_ELEMENTWISE_SILU);
}
