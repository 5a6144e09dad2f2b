// SPDX-License-Identifier: BSD-2-Clause
// Named tensors of a checkpoint, read from mapped safetensors files.
#ifndef LTE_LIB_SAFETENSORS_H
#define LTE_LIB_SAFETENSORS_H

#include "lib/context.h"

enum { LTE_MAX_DIMS = 8 };

// Element types a file may hold; the first three have the values of enum lte_dtype. Others are
// readable as bytes but not usable as weights.
enum lte_file_type {
    LTE_FILE_F32 = LTE_DTYPE_F32,
    LTE_FILE_BF16 = LTE_DTYPE_BF16,
    LTE_FILE_F16 = LTE_DTYPE_F16,
    LTE_FILE_F64,
    LTE_FILE_I64,
    LTE_FILE_I32,
    LTE_FILE_I16,
    LTE_FILE_I8,
    LTE_FILE_U8,
    LTE_FILE_BOOL
};

struct lte_tensor {
    const char *name;
    enum lte_file_type type;
    unsigned dims;
    uint64_t shape[LTE_MAX_DIMS];
    uint64_t elements;     // product of shape, 1 for a scalar
    const void *data;      // inside the mapping; may be unaligned; lte_tensor_bytes() long
    const char *file;      // path of the file it lies in, for messages
};

// "F32" and so on, as files spell it; "?" outside the enumeration.
const char *lte_file_type_name(enum lte_file_type type);
uint64_t lte_tensor_bytes(const struct lte_tensor *tensor);

// The tensors of one file or of a sharded checkpoint. Constant once opened.
struct lte_tensors;

// Opens `path`: a .safetensors file, or a folder with model.safetensors or, failing that,
// model.safetensors.index.json. Everything is validated before it returns.
enum lte_status lte_tensors_open(const struct lte_context *context, const char *path,
                                 struct lte_tensors **tensors);
// The same for a file's bytes already in memory (tests and fuzzing); `bytes` must outlive it.
enum lte_status lte_tensors_from_memory(const struct lte_context *context, const void *bytes,
                                        size_t size, const char *name,
                                        struct lte_tensors **tensors);
void lte_tensors_close(struct lte_tensors *tensors); // NULL is allowed

size_t lte_tensors_count(const struct lte_tensors *tensors);
const struct lte_tensor *lte_tensors_at(const struct lte_tensors *tensors, size_t index);
const struct lte_tensor *lte_tensors_find(const struct lte_tensors *tensors,
                                          const char *name); // or NULL
// The value of a __metadata__ key of the (first) file, or NULL.
const char *lte_tensors_metadata(const struct lte_tensors *tensors, const char *key);

#endif
