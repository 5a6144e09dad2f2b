#version 450
// SPDX-License-Identifier: BSD-2-Clause
// delta_rule of simd/delta_rule.h for many tokens, summing within subgroups of eight or more.
#extension GL_GOOGLE_include_directive : require
#define SUBGROUPS
#include "delta_chunk.glsl"
