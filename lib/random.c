// SPDX-License-Identifier: BSD-2-Clause
// Addressed random numbers, from a mixing function and the inverse of the normal distribution.
#include "config.h"

#include "lib/random.h"

#include <math.h>
#include <string.h>

// A fused multiply-add would round differently from machine to machine. GCC has none in ISO mode.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

// The finalizer of splitmix64 (Steele, Lea, Flood 2014, variant 13 of Stafford).
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t lte_random_key(uint64_t seed, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return mix(mix(seed) ^ hash);
}

uint64_t lte_random_bits(uint64_t key, uint64_t index)
{
    return mix(key + (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

double lte_random_uniform(uint64_t key, uint64_t index)
{
    const uint64_t bits = lte_random_bits(key, index) >> 12;
    return ((double)bits + 0.5) * 0x1p-52; // exact, and neither 0 nor 1
}

double lte_exact_log(double x)
{
    static const double ln2 = 0x1.62e42fefa39efp-1, root = 0x1.6a09e667f3bcdp0;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000);
    memcpy(&x, &bits, sizeof x); // 1 <= x < 2
    if (x > root) {
        x *= 0.5;
        exponent++;
    }
    // log x = 2 artanh((x-1)/(x+1)), |s| < 0.172: the terms beyond s^21 are below 1e-18.
    const double s = (x - 1) / (x + 1), s2 = s * s;
    double sum = 0;
    for (int k = 21; k >= 1; k -= 2)
        sum = sum * s2 + 1.0 / k;
    return exponent * ln2 + 2 * s * sum;
}

// x + x^2/2 + x^3/6 + ... to x^14.
double lte_exact_expm1(double x)
{
    double sum = 0;
    for (int k = 14; k >= 1; k--)
        sum = (sum + 1) * x / k;
    return sum;
}

double lte_exact_exp(double x)
{
    double y = lte_exact_expm1(x / 1024) + 1;
    for (int i = 0; i < 10; i++)
        y *= y;
    return y;
}

static double polynomial(const double c[8], double r)
{
    double sum = 0;
    for (int i = 7; i >= 0; i--)
        sum = sum * r + c[i];
    return sum;
}

// Rational approximations: numerator and denominator, lowest power first.
struct rational {
    double over[8], under[8];
};

static double evaluate(const struct rational *f, double r)
{
    return polynomial(f->over, r) / polynomial(f->under, r);
}

// Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution (1988), PPND16.
static const struct rational center = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3}};
static const struct rational tail = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9}};
static const struct rational far_tail = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15}};

double lte_random_normal(uint64_t key, uint64_t index)
{
    const double p = lte_random_uniform(key, index), q = p - 0.5;
    if (q >= -0.425 && q <= 0.425)
        return q * evaluate(&center, 0.180625 - q * q);
    const double r = sqrt(-lte_exact_log(q < 0 ? p : 1 - p));
    const double x = r <= 5 ? evaluate(&tail, r - 1.6) : evaluate(&far_tail, r - 5);
    return q < 0 ? -x : x;
}
