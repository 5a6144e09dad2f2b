#version 450
// SPDX-License-Identifier: BSD-2-Clause
// The first convolution of lte_score, over keys and values.
#extension GL_GOOGLE_include_directive : require
#define FIRST
#include "score_conv.glsl"
