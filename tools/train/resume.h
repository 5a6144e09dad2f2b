// SPDX-License-Identifier: BSD-2-Clause
// Whether a run that goes on is still the one that its configuration describes.
#ifndef LTE_TOOLS_TRAIN_RESUME_H
#define LTE_TOOLS_TRAIN_RESUME_H

#include <stdbool.h>

#include "tools/train/plan.h"

// The model that the plan names against the one in the output folder, which is what goes on: false
// after a message that names the first key, or the file, that differs.
bool resume_same_model(const struct plan *plan);

#endif
