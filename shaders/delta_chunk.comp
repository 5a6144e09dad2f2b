#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h for many tokens.
#extension GL_GOOGLE_include_directive : require
#include "delta_chunk.glsl"
