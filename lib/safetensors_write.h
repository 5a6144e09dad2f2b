// SPDX-License-Identifier: BSD-2-Clause
// Writing a safetensors file piece by piece, so that no tensor need be held whole, and atomically:
// the file appears under its name complete or not at all.
#ifndef LTE_LIB_SAFETENSORS_WRITE_H
#define LTE_LIB_SAFETENSORS_WRITE_H

#include "lib/safetensors.h"

struct lte_writer;

// Begins `path`; the bytes go to a temporary file beside it. `tensors` says name, type, dims and
// shape of what will be written, in order (data, elements and file are not looked at) and need not
// outlive the call. The header carries __metadata__ {"format": "pt"}, which Python readers ask for,
// and is padded so that data begins at a multiple of 8. On success the caller ends *writer with
// lte_writer_finish() or lte_writer_abandon().
enum lte_status lte_writer_begin(const struct lte_context *context, const char *path,
                                 const struct lte_tensor *tensors, size_t count,
                                 struct lte_writer **writer);
// The next bytes of the data; pieces need not end with tensors.
enum lte_status lte_writer_put(struct lte_writer *writer, const void *bytes, size_t size);
// Writes all to the disk and gives the file its name, replacing what had it. LTE_ERR_ARGUMENT if
// more or less data was put than the tensors take. Frees the writer, also on failure, and then
// nothing of the file is left behind.
enum lte_status lte_writer_finish(struct lte_writer *writer);
void lte_writer_abandon(struct lte_writer *writer); // NULL is allowed

#endif
