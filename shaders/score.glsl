// SPDX-License-Identifier: BSD-2-Clause
// What the shaders of lte_score share: how an output's products are summed, so that its bits are
// the same whichever of them makes it, and the score of a logit.
#ifndef LTE_SHADERS_SCORE_GLSL
#define LTE_SHADERS_SCORE_GLSL

#include "maths.glsl"

// The channels of a convolution are cut into PARTS of as many. A sum is one of a part's products,
// tap by tap, for every part, and then of these, from the first on. Weights lie in that order: of a
// part, tap, channel and output, where outputs are filled up to whole quads and what a part has of
// products to LTE_SCORE_LENGTH.
const uint PARTS = LTE_SCORE_PARTS;

// sigmoid(z) - 1/2 = tanh(z/2) / 2, without cancellation where z is small; or max(z, 0).
float lte_retention(float z, bool relu)
{
    const float x = 0.5 * min(abs(z), 0.5), e = lte_exp(-abs(z));
    float y = 2.1869488536e-2; // tanh x
    y = y * x * x - 5.3968253968e-2;
    y = y * x * x + 1.3333333333e-1;
    y = y * x * x - 3.3333333333e-1;
    y = y * x * x * x + x;
    const float score = abs(z) < 0.5 ? 0.5 * y : 0.5 * (1.0 - e) / (1.0 + e);
    return relu ? max(z, 0.0) : z < 0.0 ? -score : score;
}

#endif
