// SPDX-License-Identifier: BSD-2-Clause
// Gradient of softmax attention: some keys of one key head, and some queries of its group of heads.
#ifndef LTE_SIMD_ATTEND_GRAD_H
#define LTE_SIMD_ATTEND_GRAD_H

#include <stddef.h>
#include <stdint.h>

enum { LTE_ATTEND_GRAD_QUERIES = 64, LTE_ATTEND_GRAD_KEYS = 64 };

// With o and lse as attend.h gives them for all keys that a query sees, for queries i in
// [first, first+count), heads g < group and keys s < keys with from[s] <= i < until[s]:
//     p = exp(scale * q[i][g] . k[s] - lse[i][g])
//     e = p * (do[i][g] . v[s])
//     f = scale * (e - p * (do[i][g] . o[i][g]))
//     dv[s] += p * do[i][g]    dk[s] += f * q[i][g]    dq[i][g] += f * k[s]    dgate[s] += e
// dgate is the gradient of a factor of value 1 on v[s]. The sums of a call are formed in fp32 in a
// fixed order and added to what is there. Rows of dq, dk, dv and dgate that are not of the call
// are left alone; those that are must not overlap anything. NaN and infinities may reach every sum
// of the call, also by way of keys that no query sees.
// Tolerance against the reference: 4e-6 * (1 + scale * max|q . k|) * the largest result of a kind.
struct lte_attend_grad_args {
    const float *q, *o, *d_o;     // [queries][group][head_dim], row stride q_stride, heads adjacent
    float *dq;                    // likewise
    const float *lse;             // [queries][group], row stride lse_stride
    const float *k, *v;           // [rows][head_dim], row stride k_stride
    float *dk, *dv;               // likewise
    float *dgate;                 // [rows], gate_stride apart; NULL: unwanted
    size_t q_stride, lse_stride, k_stride, gate_stride; // in elements
    const uint32_t *at;           // key s is row at[s], each a different one; NULL: row s
    const uint32_t *from, *until; // [keys]
    size_t keys;                  // <= LTE_ATTEND_GRAD_KEYS
    size_t first, count;          // count <= LTE_ATTEND_GRAD_QUERIES; first as in attend.h
    size_t group, head_dim;       // head_dim is any size >= 1
    float scale;
    float *scratch;               // lte_attend_grad_scratch() floats, 64-byte aligned
};
typedef void lte_attend_grad_fn(const struct lte_attend_grad_args *args);

static inline size_t lte_attend_grad_scratch(size_t head_dim)
{
    const size_t dim = (head_dim + 15) / 16 * 16;
    // eight blocks of keys or queries, two squares of weights, and some numbers a key and a query
    return 64 * (8 * dim + 2 * 64 + 8);
}

#endif
