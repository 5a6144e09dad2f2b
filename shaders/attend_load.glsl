// SPDX-License-Identifier: BSD-2-Clause
// Keys and values in an op's state. A shader that includes this has DIM, VECTORS and TYPE, and
// bound the state three times over.
#ifndef LTE_SHADERS_ATTEND_LOAD_GLSL
#define LTE_SHADERS_ATTEND_LOAD_GLSL

// Four numbers of row `row` of what begins at that word of the state.
vec4 load_state(uint from, uint row, uint quad)
{
    if (DIM % 4 == 0 && TYPE == LTE_F32)
        return uintBitsToFloat(state4[from / 4 + row * VECTORS + quad]);
    if (DIM % 4 == 0) {
        const uvec2 words = state2[from / 2 + row * VECTORS + quad];
        return vec4(lte_widen(TYPE, words.x), lte_widen(TYPE, words.y));
    }
    vec4 y = vec4(0);
    for (uint d = 4 * quad; d < min(4 * quad + 4, DIM); d++)
        if (TYPE == LTE_F32)
            y[d % 4] = uintBitsToFloat(state[from + row * DIM + d]);
        else // an even number of them
            y[d % 4] = lte_widen(TYPE, state[from + (row * DIM + d) / 2])[d % 2];
    return y;
}

#endif
