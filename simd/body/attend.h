// SPDX-License-Identifier: BSD-2-Clause
// The body of simd/attend.h over the vector vocabulary of vec.h: an online softmax over tiles.
#ifndef LTE_SIMD_BODY_ATTEND_H
#define LTE_SIMD_BODY_ATTEND_H

#include "simd/body/attend_many.h"
#include "simd/body/attend_one.h"
#include "simd/table.h"

static void attend(const struct lte_attend_args *a, enum lte_dtype kv_type)
{
    if (a->count == 1)
        attend_one(a, kv_type);
    else if (a->count)
        attend_many(a, kv_type);
}

static void attend_f32(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_F32);
}

static void attend_bf16(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_BF16);
}

static void attend_f16(const struct lte_attend_args *args)
{
    attend(args, LTE_DTYPE_F16);
}

static void attend_install(struct lte_kernels *k)
{
    k->attend[LTE_DTYPE_F32] = attend_f32;
    k->attend[LTE_DTYPE_BF16] = attend_bf16;
    k->attend[LTE_DTYPE_F16] = attend_f16;
}

#endif
