// SPDX-License-Identifier: BSD-2-Clause
// What delta_wy_cooperative does in fp32 to the lower triangles of [CHUNK][CHUNK] in its shared
// memory: how tokens decay, and the inverse.
#ifndef LTE_SHADERS_DELTA_TRIANGLE_GLSL
#define LTE_SHADERS_DELTA_TRIANGLE_GLSL

float number_at(uint row, uint column)
{
    return uintBitsToFloat(part[row * WIDE_PITCH + column / 4][column % 4]);
}

vec4 four_at(uint row, uint column)
{
    return uintBitsToFloat(part[row * WIDE_PITCH + column / 4]);
}

void put_at(uint row, uint column, float x)
{
    part[row * WIDE_PITCH + column / 4][column % 4] = floatBitsToUint(x);
}

// Decay of the sixteens of tokens from the first to before the last.
float between(uint first, uint last)
{
    float x = 1;
    for (uint n = first; n < last; n++)
        x *= since[n * 16 + 15];
    return x;
}

// Exponentials of sums of log decays: never of differences, as the sums may be infinite.
void find_decays()
{
    for (uint n = thread; n < CHUNK * 16; n += THREADS) {
        const uint i = n / 16, j = n % 16;
        float sum = 0;
        for (uint m = j + 1; m <= i % 16; m++)
            sum += a[i / 16 * 16 + m];
        part[GAM + n / 4][n % 4] = j <= i % 16 ? floatBitsToUint(lte_exp(sum)) : 0;
    }
    if (thread < CHUNK) {
        float sum = 0, after = 0;
        for (uint n = 0; n < 16; n++) {
            const float x = a[thread / 16 * 16 + n];
            sum += n <= thread % 16 ? x : 0.0;
            after += n > thread % 16 ? x : 0.0;
        }
        since[thread] = lte_exp(sum);
        until[thread] = lte_exp(after);
    }
    barrier();
    if (thread < CHUNK) {
        const uint block = thread / 16;
        start[thread] = since[thread] * between(0, block);
        rest[thread] = until[thread] * between(block + 1, CHUNK / 16);
    }
}

// A = stril(diag(beta) K K^T .* Gam) and Mix = tril(Q K^T .* Gam), by 4 x 4 on and below the
// diagonal. Nobody reads A on it or above.
void decay()
{
    for (uint n = thread; n < CHUNK / 4 * (CHUNK / 4); n += THREADS) {
        const uint i0 = n / (CHUNK / 4) * 4, j0 = n % (CHUNK / 4) * 4;
        if (j0 > i0)
            continue;
        const bool same = i0 / 16 == j0 / 16;
        const vec4 by = vec4(until[j0], until[j0 + 1], until[j0 + 2], until[j0 + 3]) *
                        between(j0 / 16 + 1, i0 / 16);
        [[unroll]] for (uint e = 0; e < 4; e++) {
            const uint i = i0 + e, at = i * WIDE_PITCH + j0 / 4, of = at + CHUNK * WIDE_PITCH;
            const vec4 gam = same ? uintBitsToFloat(part[GAM + i * 4 + j0 % 16 / 4])
                                  : by * since[i];
            part[at] = floatBitsToUint(uintBitsToFloat(part[at]) * gam * beta[i]);
            part[of] = floatBitsToUint(uintBitsToFloat(part[of]) * gam);
        }
    }
}

// The inverse of I + A where A was. Of 16 x 16 on the diagonal by substitution, a thread a column:
void substitute()
{
    const uint first = thread / 16 * 16, c = thread % 16;
    float x[16];
    if (thread < CHUNK)
        [[unroll]] for (uint i = 0; i < 16; i++) {
            x[i] = i == c ? 1.0 : 0.0;
            [[unroll]] for (uint j = 0; j < i; j++)
                x[i] -= number_at(first + i, first + j) * x[j];
        }
    barrier();
    if (thread < CHUNK)
        [[unroll]] for (uint i = 0; i < 16; i++)
            put_at(first + i, first + c, x[i]);
    barrier();
}

// then of twice as many, below the diagonal's squares of `size`: -X_11 (A_10 X_00). A thread has
// fours of [size][size] numbers; `with_own`: what was there times X_00, else X_11 times that.
void join_squares(uint size, bool with_own)
{
    const uint EACH = (CHUNK * CHUNK / 16 + THREADS - 1) / THREADS; // of size CHUNK / 2
    const uint fours = CHUNK * size / 8;
    vec4 x[EACH];
    [[unroll]] for (uint n = 0; n < EACH; n++) {
        const uint i = n * THREADS + thread, of = i % (size * size / 4);
        const uint first = i / (size * size / 4) * 2 * size, row = first + size + of / (size / 4);
        const uint c = first + of % (size / 4) * 4;
        x[n] = vec4(0);
        for (uint k = 0; k < size && i < fours; k += 4) {
            const vec4 v = four_at(row, with_own ? first + k : first + size + k);
            const uint with = with_own ? first + k : first + size + k;
            [[unroll]] for (uint e = 0; e < 4; e++)
                x[n] += v[e] * four_at(with + e, c);
        }
    }
    barrier();
    [[unroll]] for (uint n = 0; n < EACH; n++) {
        const uint i = n * THREADS + thread, of = i % (size * size / 4);
        const uint first = i / (size * size / 4) * 2 * size, row = first + size + of / (size / 4);
        if (i < fours)
            part[row * WIDE_PITCH + first / 4 + of % (size / 4)] =
                floatBitsToUint(with_own ? x[n] : -x[n]);
    }
    barrier();
}

void invert()
{
    substitute();
    for (uint size = 16; size < CHUNK; size *= 2) {
        join_squares(size, true);
        join_squares(size, false);
    }
}

#endif
