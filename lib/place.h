// SPDX-License-Identifier: BSD-2-Clause
// Where a session runs: on the host, all in one block, or on a device, of which the block is only
// the bookkeeping.
#ifndef LTE_LIB_PLACE_H
#define LTE_LIB_PLACE_H

#include "lib/session.h"

struct lte_place {
    bool device;
    uint64_t host_bytes;   // of the session's block
    uint64_t device_bytes; // beside the states
};

// Decides, for a session of that layout. A device that cannot run it leaves it to the host, with a
// warning in the log. LTE_OK, LTE_ERR_MEMORY, LTE_ERR_DEVICE.
enum lte_status lte_place_choose(const struct lte_model *model, const struct lte_layout *layout,
                                 const struct lte_session_params *params, struct lte_place *place);

// Of a session on a device.
enum lte_status lte_place_make(struct lte_session *session);
void lte_place_end(struct lte_session *session);
void lte_place_clear(struct lte_session *session);
enum lte_status lte_place_compute(const struct lte_segment *segment, size_t segments,
                                  const uint32_t *tokens, size_t rows,
                                  const struct lte_wanted *wanted);

#endif
