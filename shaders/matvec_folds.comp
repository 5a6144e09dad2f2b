#version 450
// SPDX-License-Identifier: BSD-2-Clause
#extension GL_GOOGLE_include_directive : require
#define SUBGROUPS
#define FOLDS
#include "matvec.glsl"
