#version 450
// SPDX-License-Identifier: BSD-2-Clause
// A convolution of lte_score over the outputs of the one before.
#extension GL_GOOGLE_include_directive : require
#include "score_conv.glsl"
