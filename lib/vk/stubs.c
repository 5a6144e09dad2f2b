// SPDX-License-Identifier: BSD-2-Clause
// In place of the Vulkan backend, where it is not built: there is no device to open.
#include "config.h"

#include "lib/backend.h"

#include "lib/context.h"

static enum lte_status open_device(const struct lte_context *context, unsigned number,
                                   struct lte_backend_device **device)
{
    (void)number;
    *device = NULL;
    return lte_fail(context, LTE_ERR_UNSUPPORTED, "vulkan: this library was built without it");
}

static enum lte_status info(const struct lte_context *context, unsigned number,
                            struct lte_device_info *out)
{
    (void)number;
    *out = (struct lte_device_info){.memory = 0};
    return lte_fail(context, LTE_ERR_ARGUMENT, "vulkan: this library was built without it");
}

const struct lte_backend_ops lte_vulkan = {.name = "vulkan", .open = open_device, .info = info};
