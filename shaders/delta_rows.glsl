// SPDX-License-Identifier: BSD-2-Clause
// Keys and queries of a chunk, four values at a time.
#ifndef LTE_SHADERS_DELTA_ROWS_GLSL
#define LTE_SHADERS_DELTA_ROWS_GLSL

layout(constant_id = 0) const bool WIDE = false; // all dimensions and columns are multiples of four

// Columns at .. at + 3 of qkv, of which `some` are wanted.
vec4 four(uint at, uint some)
{
    if (WIDE)
        return qkv4[at / 4];
    return vec4(qkv[at], some > 1 ? qkv[at + 1] : 0.0, some > 2 ? qkv[at + 2] : 0.0,
                some > 3 ? qkv[at + 3] : 0.0);
}

// Values c .. c + 3 of row r: a key or a query that begins `key` after the first head's. Zero
// beyond the `rows` tokens from `row` on.
vec4 row_four(uint row, uint rows, uint key, uint r, uint c)
{
    const uint token = r % CHUNK, column = r < CHUNK ? p.k_column : p.q_column;
    if (token >= rows || c >= p.key_dim)
        return vec4(0);
    return four((row + token) * p.stride + column + key + c, p.key_dim - c);
}

#endif
