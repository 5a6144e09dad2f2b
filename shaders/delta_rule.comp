#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h, a token at a time.
#extension GL_GOOGLE_include_directive : require
#include "delta.glsl"
