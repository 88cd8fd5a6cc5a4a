/* The arithmetic of stream 1: one source for C on every compiler and for CUDA.
 *
 * docs/stream.md specifies it and twin.py is its twin in NumPy. Only IEEE-754 operations that round correctly
 * occur (+ - * / sqrt, comparisons, exact conversions, bit casts), each rounded on its own: contraction to
 * fused multiply-adds must be off. Everything is written without branches, so that loops over it vectorise.
 */
#ifndef IK_STREAM_H
#define IK_STREAM_H

/* ---- Portability, and nothing of it elsewhere ----------------------------------------------------------- */

#if defined(__CUDACC_RTC__) || defined(__CUDACC__)
/* NVRTC has no <stdint.h>. */
typedef unsigned char ik_u8;
typedef unsigned short ik_u16;
typedef unsigned int ik_u32;
typedef int ik_i32;
typedef unsigned long long ik_u64;
typedef long long ik_i64;
typedef unsigned long long ik_size;
#define IK_INLINE __device__ static __forceinline__
#define ik_sqrt32(x) __fsqrt_rn(x)
#define ik_sqrt64(x) __dsqrt_rn(x)
#define ik_bits32(x) __float_as_uint(x)
#define ik_float32(x) __uint_as_float(x)
#define ik_bits64(x) ((ik_u64)__double_as_longlong(x))
#define ik_float64(x) __longlong_as_double((long long)(x))
/* One instruction, which chooses otherwise among zeros of both signs and among NaNs: none come here. */
#define ik_max32(x, y) fmaxf(x, y)
#define ik_min32(x, y) fminf(x, y)
#else
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t ik_u8;
typedef uint16_t ik_u16;
typedef uint32_t ik_u32;
typedef int32_t ik_i32;
typedef uint64_t ik_u64;
typedef int64_t ik_i64;
typedef size_t ik_size;
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "Floating-point operations must round to their own type: compile for SSE2 or newer, not for x87."
#endif
#if defined(__FAST_MATH__)
#error "Values are specified to the bit: compile without -ffast-math."
#endif
#if defined(_MSC_VER)
#define IK_INLINE static __forceinline
#pragma fp_contract(off)
#else
#define IK_INLINE static inline
#endif
#define ik_sqrt32(x) sqrtf(x)
#define ik_sqrt64(x) sqrt(x)
#define ik_max32(x, y) ((x) < (y) ? (y) : (x))
#define ik_min32(x, y) ((x) > (y) ? (y) : (x))
IK_INLINE ik_u32 ik_bits32(float x) {
    ik_u32 bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
IK_INLINE float ik_float32(ik_u32 bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
IK_INLINE ik_u64 ik_bits64(double x) {
    ik_u64 bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
IK_INLINE double ik_float64(ik_u64 bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
#endif

#define ik_max64(x, y) ((x) < (y) ? (y) : (x))
#define ik_min64(x, y) ((x) > (y) ? (y) : (x))

/* ---- Philox4x32-10 -------------------------------------------------------------------------------------- */

#define IK_MULTIPLIER_0 0xD2511F53u
#define IK_MULTIPLIER_1 0xCD9E8D57u
#define IK_WEYL_0 0x9E3779B9u
#define IK_WEYL_1 0xBB67AE85u
/* In the block number: tells the words that are low halves of float64 draws from all others. */
#define IK_LOW_HALF_BIT ((ik_u64)1 << 63)

/* ---- Rounding to the smaller floats, to nearest even ---------------------------------------------------- */

/* Shared by all three that have subnormals: the sum's last bit is the target's smallest subnormal, so that the
 * addition rounds and its low bits are the answer. */
IK_INLINE ik_u32 ik_subnormal(ik_u32 magnitude, float anchor) {
    return ik_bits32(ik_float32(magnitude) + anchor) - ik_bits32(anchor);
}

IK_INLINE ik_u16 ik_to_bfloat16(float value) {
    const ik_u32 bits = ik_bits32(value);
    return (ik_u16)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

IK_INLINE ik_u16 ik_to_float16(float value) {
    const ik_u32 bits = ik_bits32(value), magnitude = bits & 0x7FFFFFFFu, sign = (bits >> 16) & 0x8000u;
    const ik_u32 rounded = (magnitude - 0x38000000u + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
    const ik_u32 normal = rounded > 0x7C00u ? 0x7C00u : rounded;
    const ik_u32 small = ik_subnormal(magnitude, 0.5f);
    return (ik_u16)(sign | (magnitude < 0x38800000u ? small : normal));
}

IK_INLINE ik_u8 ik_to_float8_e5m2(float value) {
    const ik_u32 bits = ik_bits32(value), magnitude = bits & 0x7FFFFFFFu, sign = (bits >> 24) & 0x80u;
    const ik_u32 rounded = (magnitude - 0x38000000u + 0xFFFFFu + ((magnitude >> 21) & 1u)) >> 21;
    const ik_u32 normal = rounded > 0x7Cu ? 0x7Cu : rounded;
    const ik_u32 small = ik_subnormal(magnitude, 128.0f);
    return (ik_u8)(sign | (magnitude < 0x38800000u ? small : normal));
}

/* No infinity in this format: what is too large becomes NaN, as ml_dtypes has it. */
IK_INLINE ik_u8 ik_to_float8_e4m3fn(float value) {
    const ik_u32 bits = ik_bits32(value), magnitude = bits & 0x7FFFFFFFu, sign = (bits >> 24) & 0x80u;
    const ik_u32 rounded = (magnitude - 0x3C000000u + 0x7FFFFu + ((magnitude >> 20) & 1u)) >> 20;
    const ik_u32 normal = rounded > 0x7Fu ? 0x7Fu : rounded;
    const ik_u32 small = ik_subnormal(magnitude, 16384.0f);
    return (ik_u8)(sign | (magnitude < 0x3C800000u ? small : normal));
}

#include "transforms.h"

#endif
