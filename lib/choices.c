// SPDX-License-Identifier: BSD-2-Clause
// What can be drawn: weights, and the cuts that leave some of them out.
//
// The two cuts of the largest find their threshold by radix selection, so they take a fixed number
// of passes whatever the logits are. Every number that decides comes from IEEE additions,
// multiplications and divisions in an order of their own, exp included: the same logits give the
// same tokens on every machine.
#include "config.h"

#include "lib/choices.h"

#include <math.h>
#include <string.h>

uint32_t lte_choice_key(float x)
{
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

// exp(x) for x <= 0, to about one unit in the last place; 0 below the smallest normal number. C
// libraries differ in exp's last bit, and so would the tokens. Each product is a statement of its
// own because a compiler may fuse a product and a sum of one expression.
static double exp_negative(double x)
{
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
        1.0 / 40320,      1.0 / 5040,      1.0 / 720,      1.0 / 120,     1.0 / 24,
        1.0 / 6,          1.0 / 2,         1.0,            1.0};
    const double log2_e = 0x1.71547652b82fep+0;
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    if (!(x >= -708))
        return 0;
    // x = n ln 2 + r with |r| <= ln 2 / 2; ln2_high is short enough for an exact n * ln2_high
    const double scaled = x * log2_e;
    const int n = (int)(scaled - 0.5);
    const double high = n * ln2_high, low = n * ln2_low;
    double r = x - high;
    r = r - low;
    double sum = inverse_factorial[0];
    for (size_t i = 1; i < sizeof inverse_factorial / sizeof inverse_factorial[0]; i++) {
        const double product = sum * r;
        sum = product + inverse_factorial[i];
    }
    const uint64_t power_bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &power_bits, sizeof power);
    return sum * power;
}

void lte_choices_weigh(struct choice *c, uint32_t n, double temperature)
{
    double largest = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        if (c[i].weight > largest)
            largest = c[i].weight;
    for (uint32_t i = 0; i < n; i++)
        c[i].weight =
            c[i].weight == largest ? 1 : exp_negative((c[i].weight - largest) / temperature);
}

double lte_choices_total(const struct choice *c, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += c[i].weight;
    return sum;
}

// The threshold is found digit by digit from the top.
uint32_t lte_choices_keep_largest(struct choice *c, uint32_t n, double target, bool counting)
{
    enum { BITS = 8, DIGITS = 1 << BITS };
    uint32_t threshold = 0, mask = 0;
    double above = 0; // mass of the keys above the threshold
    for (int shift = 32 - BITS; shift >= 0; shift -= BITS) {
        double mass[DIGITS] = {0};
        uint32_t count[DIGITS] = {0};
        for (uint32_t i = 0; i < n; i++)
            if ((c[i].key & mask) == threshold) {
                const uint32_t digit = c[i].key >> shift & (DIGITS - 1);
                mass[digit] += counting ? 1 : c[i].weight;
                count[digit]++;
            }
        // Rounding may leave the whole just short of the target: then the lowest digit there is.
        uint32_t digit = DIGITS - 1, lowest = 0;
        while (!count[lowest])
            lowest++;
        while (digit > lowest && above + mass[digit] < target)
            above += mass[digit--];
        threshold |= digit << shift;
        mask |= (uint32_t)(DIGITS - 1) << shift;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].key < threshold || (c[i].key == threshold && above >= target))
            continue;
        if (c[i].key == threshold)
            above += counting ? 1 : c[i].weight;
        c[kept++] = c[i];
    }
    return kept;
}

uint32_t lte_choices_keep_above(struct choice *c, uint32_t n, double least)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (c[i].weight >= least)
            c[kept++] = c[i];
    return kept;
}
