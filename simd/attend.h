// SPDX-License-Identifier: BSD-2-Clause
// Softmax attention of one group of query heads over spans of keys, each key read once for the
// group.
#ifndef LTE_SIMD_ATTEND_H
#define LTE_SIMD_ATTEND_H

#include <stddef.h>
#include <stdint.h>

// A run of keys and values: a ring, a retained buffer, the tokens of this call, or some of these.
// Their order carries no meaning: what a query sees is said by `from` and `until` alone.
struct lte_kv_span {
    const void *k, *v;            // row r at k + r*k_stride elements; [rows][head_dim]
    size_t k_stride, v_stride;    // in elements of the span's type
    const uint32_t *from, *until; // key s is seen by the queries i with from[s] <= i < until[s]
    size_t keys;
    int f32;                      // nonzero: this span is fp32 whatever the kernel's type is
    const uint32_t *at;           // key s is row at[s]; NULL: row s
};

// For query i in [first, first+count) and head g < group, with s over all keys that i sees:
//     o[i][g] = sum_s softmax_s(scale * q[i][g] . k[s]) v[s],  0 if it sees none.
// Softmax and sums in fp32 (a running maximum; the order of the sums is fixed by the spans, not by
// how queries are grouped into calls beyond what `count` > 1 may reorder). Keys that no query of
// the call sees are not used. head_dim is any size >= 1; k and v have it alike. o must not overlap
// anything. A NaN or an infinity in q or k stays with the queries that see it; one in v may reach,
// as NaN, every query of a call with count > 1, even those that do not see its key: they weigh it
// by 0.
// Tolerance against the reference: 2e-6 * max|v| plus 1e-6 * scale * max|q . k| * max|v|.
struct lte_attend_args {
    const float *q;               // [queries][group][head_dim], row stride q_stride, heads adjacent
    float *o;                     // likewise, o_stride
    size_t q_stride, o_stride;    // in elements
    size_t first, count;          // queries of this call; first indexes q, o, from and until
    size_t group, head_dim;
    float scale;
    const struct lte_kv_span *span;
    size_t spans;
    float *lse;                   // [queries][group] or NULL: log sum_s exp(scale * q . k[s]), 0 if
    size_t lse_stride;            // no key is seen; tolerance 2e-6 + 1e-6 * scale * max|q . k|
    float *scratch;               // lte_attend_scratch() floats, 64-byte aligned
};
typedef void lte_attend_fn(const struct lte_attend_args *args);

// Queries a caller should hand over in one call when it has that many.
enum { LTE_ATTEND_QUERIES = 16 };
// Floats of scratch for any call with count <= LTE_ATTEND_QUERIES.
static inline size_t lte_attend_scratch(size_t group, size_t head_dim)
{
    const size_t rows = LTE_ATTEND_QUERIES * group, dim = (head_dim + 15) / 16 * 16;
    // scores of a tile of 64 keys, maximum and sum a row, an output row, a packed query row, and a
    // widened tile of keys and values
    return rows * (64 + 16 + 2 * dim) + 2 * 64 * dim;
}

#endif
