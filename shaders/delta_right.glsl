// SPDX-License-Identifier: BSD-2-Clause
// Tiles in shared memory, part[], of f16 that is multiplied from the right, high parts before low
// ones. Where a matrix is eight numbers of every invocation, these lie together, and one load of 16
// bytes brings them; else a tile's rows follow each other.
#ifndef LTE_SHADERS_DELTA_RIGHT_GLSL
#define LTE_SHADERS_DELTA_RIGHT_GLSL

// Where in a tile the cooperative matrix begins that has its row and column.
uint right_at(uint row, uint column, bool together)
{
    return together ? (row / K * (16 / N) + column / N) * (K * N / 8) : row * 2 + column / 8;
}

// The tile's rows lie at `from`, `pitch` vectors apart.
void put_right(uint from, uint pitch, uint to)
{
    [[unroll]] for (uint k = 0; k < 16; k += K)
        [[unroll]] for (uint n = 0; n < 16; n += N) {
            RIGHT r;
            coopMatLoad(r, part, from + k * pitch + n / 8, pitch, ROW_MAJOR);
            const bool together = r.length() == 8;
            const uint at = to + right_at(k, n, together);
            if (together)
                part[at + lane] = uvec4(
                    packFloat2x16(f16vec2(r[0], r[1])), packFloat2x16(f16vec2(r[2], r[3])),
                    packFloat2x16(f16vec2(r[4], r[5])), packFloat2x16(f16vec2(r[6], r[7])));
            else
                coopMatStore(r, part, at, 2, ROW_MAJOR);
        }
}

void load_right(out RIGHT r, uint tile, uint row, uint column)
{
    const bool together = r.length() == 8;
    const uint from = tile + right_at(row, column, together);
    if (together) {
        const uvec4 v = part[from + lane];
        [[unroll]] for (uint i = 0; i < 4; i++) {
            const f16vec2 two = unpackFloat2x16(v[i]);
            r[2 * i] = two.x;
            r[2 * i + 1] = two.y;
        }
    } else {
        coopMatLoad(r, part, from, 2, ROW_MAJOR);
    }
}

#endif
