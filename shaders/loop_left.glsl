// SPDX-License-Identifier: BSD-2-Clause
// When a token leaves the loops of a looped model, as lib/op/loop.h has it. A shader that includes
// this has maths.glsl, and exit_logit(i), the logit of leaving after loop i.
#ifndef LTE_SHADERS_LOOP_LEFT_GLSL
#define LTE_SHADERS_LOOP_LEFT_GLSL

// Whether the chances of leaving after loops 0 .. loops-1 add up to the threshold.
bool loop_left(uint loops, float threshold)
{
    float stays = 1.0, sum = 0.0;
    for (uint i = 0; i < loops; i++) {
        const float chance = lte_sigmoid(exit_logit(i));
        sum += chance * stays;
        stays *= 1.0 - chance;
        if (sum >= threshold)
            return true;
    }
    return false;
}

#endif
