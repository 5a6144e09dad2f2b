// SPDX-License-Identifier: BSD-2-Clause
// The log decay of delta_gates (lib/op/delta_gates.c).
#include "maths.glsl"

float lte_log_decay(float a, float neg_exp_A, float dt_bias, float lower_bound)
{
    a += dt_bias;
    return lower_bound < 0.0 ? lower_bound * lte_sigmoid(-neg_exp_A * a) : neg_exp_A * lte_softplus(a);
}
