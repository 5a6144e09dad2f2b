// SPDX-License-Identifier: BSD-2-Clause
// Products of small matrices in panels of 16 columns, over the vector vocabulary of vec.h and
// transpose().
//
// In a panel an element of any row, a row of any column group and a column of any row tile are next
// to one another: a matrix serves as the left side of a product, turned or not, and as the right.
//
// A file that includes this first defines LTE_PANEL_TALL, rows of a product held in registers (a
// divisor of 16), and LTE_PANEL_WIDE, its vectors; LTE_PANEL_WIDE * VL is 16 or 32.
#ifndef LTE_SIMD_BODY_PANEL_H
#define LTE_SIMD_BODY_PANEL_H

#include <stdbool.h>
#include <stddef.h>

#include "simd/body/inline.h"

enum {
    PANEL = 16,
    TALL = LTE_PANEL_TALL,
    WIDE = LTE_PANEL_WIDE,
    NARROW = PANEL / VL,      // vectors of one panel: what is left of a group at the right edge
    GROUP = WIDE * VL         // columns taken at once
};

// Element (r, c) lies at [c/16][r][c%16].
struct panels {
    float *at;
    size_t rows;
};

LTE_INLINE float *cell(struct panels m, size_t row, size_t column)
{
    return m.at + column / PANEL * PANEL * m.rows + row * PANEL + column % PANEL;
}

// ---- products in registers ----

typedef V tile[TALL][WIDE];

LTE_INLINE void clear(tile acc, const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_zero();
}

LTE_INLINE void scale_rows(tile acc, const float *s, const size_t N)
{
    LTE_UNROLL for (size_t r = 0; r < TALL; r++)
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            acc[r][n] = v_mul(v_set1(s[r]), acc[r][n]);
}

// acc[r][n] +- sum_x a[r*ar + x*ac] b[n][x], over `count` rows of b.
LTE_INLINE void multiply(tile acc, const float *a, const size_t ar, const size_t ac,
                         const float *b[WIDE], size_t count, const bool minus, const size_t N)
{
    for (size_t x = 0; x < count; x++) {
        V y[WIDE];
        LTE_UNROLL for (size_t n = 0; n < N; n++)
            y[n] = v_load(b[n] + x * PANEL);
        LTE_UNROLL for (size_t r = 0; r < TALL; r++) {
            const V s = v_set1(a[r * ar + x * ac]);
            LTE_UNROLL for (size_t n = 0; n < N; n++)
                acc[r][n] = minus ? v_fnma(s, y[n], acc[r][n]) : v_fma(s, y[n], acc[r][n]);
        }
    }
}

LTE_INLINE void columns_of(const float *y[WIDE], struct panels b, size_t row, size_t column,
                           const size_t N)
{
    LTE_UNROLL for (size_t n = 0; n < N; n++)
        y[n] = cell(b, row, column + n * VL);
}

// acc +- rows i.. of a, columns from..to-1, by rows from..to-1 of b.
LTE_INLINE void product(tile acc, struct panels a, size_t i, struct panels b, size_t column,
                        size_t from, size_t to, const bool minus, const size_t N)
{
    for (size_t x = from, end; x < to; x = end) {
        const float *y[WIDE];
        end = x / PANEL * PANEL + PANEL;
        end = end < to ? end : to;
        columns_of(y, b, x, column, N);
        multiply(acc, cell(a, i, x), PANEL, 1, y, end - x, minus, N);
    }
}

// The same by the transpose of a: its columns i.., rows from..to-1.
LTE_INLINE void product_t(tile acc, struct panels a, size_t i, struct panels b, size_t column,
                          size_t from, size_t to, const bool minus, const size_t N)
{
    const float *y[WIDE];
    columns_of(y, b, from, column, N);
    multiply(acc, cell(a, from, i), 1, PANEL, y, to - from, minus, N);
}

// ---- rows and transposes ----

LTE_INLINE V load_row(const float *p, size_t column, size_t columns)
{
    if (column >= columns)
        return v_zero();
    const size_t left = columns - column;
    return left >= VL ? v_load(p + column) : v_load_n(p + column, left);
}

// The square of 16 x 16 at `from`, of which `rows` exist, turned to `to`.
LTE_INLINE void turn_square(float *to, const float *from, size_t rows)
{
    for (size_t i = 0; i < PANEL; i += VL)
        for (size_t j = 0; j < PANEL; j += VL) {
            V m[VL];
            LTE_UNROLL for (size_t r = 0; r < VL; r++)
                m[r] = i + r < rows ? v_load(from + (i + r) * PANEL + j) : v_zero();
            transpose(m);
            LTE_UNROLL for (size_t r = 0; r < VL; r++)
                v_store(to + (j + r) * PANEL + i, m[r]);
        }
}

// Rows from.. of m, `count` of them in whole squares, become the columns of `to`.
static void turn(struct panels to, struct panels m, size_t from, size_t count, size_t columns)
{
    for (size_t c = 0; c < columns; c += PANEL)
        for (size_t i = 0; i < count; i += PANEL)
            turn_square(cell(to, c, i), cell(m, from + i, c), m.rows - (from + i));
}

#endif
