// SPDX-License-Identifier: BSD-2-Clause
// liblte: umbrella header.
#ifndef LTE_H
#define LTE_H

#include "lte/base.h"
#include "lte/context.h"
#include "lte/convert.h"
#include "lte/data.h"
#include "lte/model.h"
#include "lte/sampler.h"
#include "lte/session.h"
#include "lte/tokenizer.h"
#include "lte/tokenizer_train.h"
#include "lte/train.h"
#include "lte/version.h"

#endif
