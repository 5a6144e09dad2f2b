// SPDX-License-Identifier: BSD-2-Clause
// How many cores are worth a thread.
#ifndef LTE_LIB_CORES_H
#define LTE_LIB_CORES_H

// Cores that this process may run on, without the little ones of a mixed (big.LITTLE) machine; 0 if
// the system does not say. `folder` is where Linux describes its cores, LTE_CORES_FOLDER.
unsigned lte_cores_big(const char *folder);
#define LTE_CORES_FOLDER "/sys/devices/system/cpu"

#endif
