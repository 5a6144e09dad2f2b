// SPDX-License-Identifier: BSD-2-Clause
// The only place the version is written; configure.ac reads it from here.
#ifndef LTE_VERSION_H
#define LTE_VERSION_H

#define LTE_VERSION_MAJOR 0
#define LTE_VERSION_MINOR 1
#define LTE_VERSION_PATCH 0

#endif
