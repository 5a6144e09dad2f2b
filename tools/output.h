// SPDX-License-Identifier: BSD-2-Clause
// Standard output: every failure to write is noticed, a reader that went away is not an error to
// complain about.
#ifndef LTE_TOOLS_OUTPUT_H
#define LTE_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

// To be called first: opens what of the three standard files the caller has closed, so that no
// other file takes their numbers, and ignores SIGPIPE.
void output_begin(void);
// Writes at once, past stdio. False when that failed, which has been reported, or was interrupted.
bool output_write(const char *bytes, size_t count);
// Standard output and standard error go to the same place.
bool output_is_error(void);
// Flushes stdio's standard output. Returns `status`, or STATUS_FAILED if it was STATUS_OK and
// something could not be written.
int output_end(int status);

#endif
