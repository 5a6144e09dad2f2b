// SPDX-License-Identifier: BSD-2-Clause
// A device's limits, measured by its own clock.
#ifndef LTE_BENCH_VULKAN_ROOF_H
#define LTE_BENCH_VULKAN_ROOF_H

#include "lib/vk/device.h"

struct vulkan_roof {
    double read;   // GB/s of memory that is read once
    double copy;   // GB/s read and written by a copy
    double gflops; // fp32 multiply-adds, two operations each
};

// Exits with a message if the device keeps no time.
struct vulkan_roof vulkan_roof(struct lte_vk_device *device, bool quick);

// A pool of so many times, and the seconds that pass while it counts 1.
VkQueryPool vulkan_times(struct lte_vk_device *device, uint32_t count);
double vulkan_tick(const struct lte_vk_device *device);

#endif
