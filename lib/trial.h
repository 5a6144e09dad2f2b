// SPDX-License-Identifier: BSD-2-Clause
// Whether a model runs on its device as it should, and faster than on the CPU.
#ifndef LTE_LIB_TRIAL_H
#define LTE_LIB_TRIAL_H

#include "lib/model.h"

// Of a model that has just been uploaded: takes it off the device again if the device computes
// wrongly, or, where the device was to be chosen, if it is slower; the log says which. What was
// found out is kept in the user's cache for this device, driver and shape of model.
enum lte_status lte_trial_judge(struct lte_model *model);

#endif
