// SPDX-License-Identifier: BSD-2-Clause
// In place of the Vulkan backend, where it is not built.
#include "config.h"

typedef int lte_vk_not_built; // ISO C wants a declaration
