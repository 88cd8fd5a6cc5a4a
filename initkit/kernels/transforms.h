/* From words to values; transforms.py is the same in NumPy, operation for operation.
 *
 * First what differs between the two precisions, then the laws, which are written once: laws.h is included for
 * each of them.
 */
#ifndef IK_TRANSFORMS_H
#define IK_TRANSFORMS_H

#include "polynomials.h"

/* ---- float32, from 32-bit words ------------------------------------------------------------------------- */

/* The uniform of the uniform law, in [0, 1): the top 24 bits, exact. */
IK_INLINE float ik_unit32(ik_u32 word) { return (float)(ik_i32)(word >> 8) * 0x1p-24f; }

/* min(u, 1 - u) * 2^32. The word is folded to 31 bits first: signed conversions are the ones that vectorise. It is
 * folded by a mask, since gcc 12 turns a choice of ~word into an instruction that waits for the last iteration. */
IK_INLINE float ik_folded32(ik_u32 word, ik_u32 upper) { return (float)(ik_i32)(word ^ (0u - upper)) + 0.5f; }

/* Where the angle 2 pi u lies in its quarter turn, counted from the quarter's middle: |x| < 1/2. */
IK_INLINE float ik_quarter32(ik_u32 word) { return (float)(ik_i32)(word << 2 | 2u) * 0x1p-32f; }

/* x = 2^-k (1 - h/2), 0 < h <= 1, for a positive normal number. */
IK_INLINE float ik_split32(float x, ik_i32 *k) {
    const ik_u32 bits = ik_bits32(x);
    *k = 126 - (ik_i32)(bits >> 23);
    return 2.0f - ik_float32((bits & 0x7FFFFFu) | 0x3F800000u);
}

/* -2 log(2^-k (1 - h/2)), relatively accurate down to h = 0. Pairs of coefficients shorten the chain. */
IK_INLINE float ik_log32(float h, ik_i32 k) {
    const float square = h * h;
    float total = IK_LOG32_6 + IK_LOG32_7 * h;
    total = (IK_LOG32_4 + IK_LOG32_5 * h) + square * total;
    total = (IK_LOG32_2 + IK_LOG32_3 * h) + square * total;
    total = (IK_LOG32_0 + IK_LOG32_1 * h) + square * total;
    return (float)k * IK_TWO_LN2_32 + (h + square * total);
}

/* t = sqrt(e) and g: t + g is the x that has -2 log(1 - Phi(x)) = e; for x >= 3. */
IK_INLINE float ik_tail32(float e, float *g) {
    const float t = ik_sqrt32(e);
    const float s = 1.0f / t;
    *g = (s * ik_tail32_numerator(s)) / ik_tail32_denominator(s);
    return t;
}

/* ---- float64, from the upper 53 bits of 64-bit words ---------------------------------------------------- */

/* An integer below 2^52 as a double: no vector instruction set before AVX-512 converts 64-bit integers, but
 * every one can put the integer where the low bits of 2^52 are, and subtract. */
IK_INLINE double ik_from52(ik_u64 integer) { return ik_float64(integer | 0x4330000000000000u) - 0x1p52; }

IK_INLINE double ik_unit64(ik_u64 word) {
    const ik_u64 bits = word >> 11;
    return (ik_from52(bits >> 1) * 2.0 + ik_from52(bits & 1u)) * 0x1p-53;
}

IK_INLINE double ik_folded64(ik_u64 word, ik_u64 upper) { return ik_from52((word ^ (0u - upper)) >> 11) + 0.5; }

IK_INLINE double ik_quarter64(ik_u64 word) {
    /* The low 51 bits of 53, signed: their top bit is turned so that the integer is never negative. */
    const ik_u64 shifted = ((word << 2) ^ 0x8000000000000000u) >> 13;
    return ((ik_from52(shifted) - 0x1p50) + 0.5) * 0x1p-51;
}

IK_INLINE double ik_split64(double x, ik_i64 *k) {
    const ik_u64 bits = ik_bits64(x);
    *k = 1022 - (ik_i64)(bits >> 52);
    return 2.0 - ik_float64((bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u);
}

/* k is small and may be negative. */
IK_INLINE double ik_log64(double h, ik_i64 k) {
    const double s = h / (4.0 - h);
    const double z = s * s;
    const double series = 4.0 * s + s * (z * ik_log64_series(z));
    return (ik_from52((ik_u64)(k + 2048)) - 2048.0) * IK_TWO_LN2_64 + series;
}

/* Then one step of Newton's method for x^2 + log(2 pi) + 2 log(hazard(x)) = e. */
IK_INLINE double ik_tail64(double e, double *g) {
    const double t = ik_sqrt64(e);
    const double s = 1.0 / t;
    const double start = (s * ik_tail64_numerator(s)) / ik_tail64_denominator(s);
    const double x = t + start;
    const double z = 1.0 / (x * x);
    const double hazard = (x * ik_mills64_denominator(z)) / ik_mills64_numerator(z);
    ik_i64 k;
    const double h = ik_split64(hazard, &k);
    /* x^2 - e, without subtracting two large numbers. */
    const double excess = start * (t + x) + (IK_LN_TWO_PI_64 - ik_log64(h, k));
    *g = start - excess / (hazard + hazard);
    return t;
}

/* ---- The laws, for each precision ----------------------------------------------------------------------- */

#define IK_GLUE_(name, bits) name##bits
#define IK_GLUE(name, bits) IK_GLUE_(name, bits)
#define IK_(name) IK_GLUE(name, IK_WIDTH)

#define IK_WIDTH 32
#define ik_real float
#define ik_word ik_u32
#define ik_shift ik_i32
#define IK_BITS 32
#define IK_SCALE 0x1p32f
#include "laws.h"
#undef IK_WIDTH
#undef ik_real
#undef ik_word
#undef ik_shift
#undef IK_BITS
#undef IK_SCALE

#define IK_WIDTH 64
#define ik_real double
#define ik_word ik_u64
#define ik_shift ik_i64
#define IK_BITS 53
#define IK_SCALE 0x1p53
#include "laws.h"
#undef IK_WIDTH
#undef ik_real
#undef ik_word
#undef ik_shift
#undef IK_BITS
#undef IK_SCALE

#endif
