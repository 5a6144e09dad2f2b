// SPDX-License-Identifier: BSD-2-Clause
// Matrices that are larger than a device binds at once: pieces of whole rows.
#ifndef LTE_LIB_VK_OP_MATRIX_H
#define LTE_LIB_VK_OP_MATRIX_H

#include "lib/vk/encode.h"

// Rows of a piece: all, or a multiple of 256, so that every piece begins where a binding may.
static inline size_t lte_vk_piece_rows(const struct lte_vk_encoder *encoder,
                                       const struct lte_matrix *matrix)
{
    const size_t row = matrix->cols * lte_dtype_size(matrix->type);
    const size_t most = encoder->device->properties.limits.maxStorageBufferRange / row;
    return matrix->rows <= most || most < 256 ? matrix->rows : most / 256 * 256;
}

// Rows [from, from + rows) of the matrix at `whole`, in whole words.
static inline struct lte_vk_range lte_vk_piece(const struct lte_vk_range *whole,
                                               const struct lte_matrix *matrix, size_t from,
                                               size_t rows)
{
    const uint64_t row = matrix->cols * lte_dtype_size(matrix->type);
    return (struct lte_vk_range){whole->buffer, whole->offset + from * row, (rows * row + 3) / 4 * 4};
}

#endif
