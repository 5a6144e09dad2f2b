#version 450
// SPDX-License-Identifier: BSD-2-Clause
// diag_rule of simd/diag_rule.h, a token at a time: a decay for every key channel.
#extension GL_GOOGLE_include_directive : require
#define CHANNELS
#include "delta.glsl"
