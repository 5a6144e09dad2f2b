// SPDX-License-Identifier: BSD-2-Clause
// How many cores there are for this process, and how many of them are worth a thread.
#ifndef LTE_LIB_CORES_H
#define LTE_LIB_CORES_H

// Cores that this process may run on, at least 1.
unsigned lte_cores(void);

// The core that the calling thread runs on at this moment; -1 if the system does not say.
int lte_core_here(void);

// lte_cores() without the little cores of a mixed (big.LITTLE) machine. `folder` is where Linux
// describes its cores, LTE_CORES_FOLDER.
unsigned lte_cores_big(const char *folder);
#define LTE_CORES_FOLDER "/sys/devices/system/cpu"

#endif
