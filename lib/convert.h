// SPDX-License-Identifier: BSD-2-Clause
// The parts of a conversion: the config of the new model, and where its weights come from.
#ifndef LTE_LIB_CONVERT_H
#define LTE_LIB_CONVERT_H

#include "lib/model.h"
#include "lte/convert.h"

// The text of a config.json for an "lt2" model with the layers of `source`, but the layout of the
// options; `name` begins messages. Ended by free(): jansson's memory. LTE_OK, LTE_ERR_UNSUPPORTED
// (a source that cannot be converted), LTE_ERR_FORMAT (options->config is no JSON object),
// LTE_ERR_MEMORY.
enum lte_status lte_convert_config(const struct lte_model *source, const char *name,
                                   const struct lte_convert_options *options, char **text);

// Writes the weights of `target`, which has only been configured, to the file `path`.
enum lte_status lte_convert_weights(const struct lte_model *source, struct lte_model *target,
                                    const char *path, uint64_t seed);

#endif
