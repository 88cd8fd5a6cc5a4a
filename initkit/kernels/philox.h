/* Philox4x32-10 over many blocks at once.
 *
 * One function in four forms: `ik_words` writes four words for each of `count` block numbers, block after block;
 * `count` is a multiple of 32. The widening multiply is what compilers vectorise badly, so it alone is written by
 * hand; the transforms are left to them. All forms give the same words.
 *
 * Philox: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef IK_PHILOX_H
#define IK_PHILOX_H

#include "stream.h"

/* The ten round keys, computed once for a draw. */
typedef struct {
    ik_u32 first[10];
    ik_u32 second[10];
    ik_u32 word2;
    ik_u32 word3;
} ik_schedule;

static inline ik_schedule ik_schedule_of(const ik_u32 identity[4]) {
    ik_schedule schedule;
    for (int round = 0; round < 10; ++round) {
        schedule.first[round] = identity[0] + (ik_u32)round * IK_WEYL_0;
        schedule.second[round] = identity[1] + (ik_u32)round * IK_WEYL_1;
    }
    schedule.word2 = identity[2];
    schedule.word3 = identity[3];
    return schedule;
}

#if defined(IK_USE_AVX512) || defined(IK_USE_AVX2)

#include <immintrin.h>

/* A 64-bit lane holds one word of one block in its low half. The multiply reads low halves only, so what
 * the high halves collect on the way (the rest of a product) never has to be masked off. */
#if defined(IK_USE_AVX512)
typedef __m512i ik_lanes;
#define IK_LANES 8
#define IK_STREAM_BYTES 64
#define IK_GROUPS 4
#define ik_load(address) _mm512_loadu_si512(address)
#define ik_spread(word) _mm512_set1_epi64((long long)(ik_u64)(word))
#define ik_multiply(a, b) _mm512_mul_epu32(a, b)
#define ik_high(a) _mm512_srli_epi64(a, 32)
#define ik_xor3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
static inline void ik_stream(void *target, const void *source) {
    _mm512_stream_si512((__m512i *)target, _mm512_loadu_si512(source));
}
static inline void ik_store_blocks(ik_u32 *words, __m512i c0, __m512i c1, __m512i c2, __m512i c3) {
    const __m512i early = _mm512_mask_blend_epi32(0xAAAA, c0, _mm512_slli_epi64(c1, 32));
    const __m512i late = _mm512_mask_blend_epi32(0xAAAA, c2, _mm512_slli_epi64(c3, 32));
    const __m512i front = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
    const __m512i back = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
    _mm512_storeu_si512(words, _mm512_permutex2var_epi64(early, front, late));
    _mm512_storeu_si512(words + 16, _mm512_permutex2var_epi64(early, back, late));
}
#else
typedef __m256i ik_lanes;
#define IK_LANES 4
#define IK_STREAM_BYTES 32
#define IK_GROUPS 2
#define ik_load(address) _mm256_loadu_si256((const __m256i *)(address))
#define ik_spread(word) _mm256_set1_epi64x((long long)(ik_u64)(word))
#define ik_multiply(a, b) _mm256_mul_epu32(a, b)
#define ik_high(a) _mm256_srli_epi64(a, 32)
#define ik_xor3(a, b, c) _mm256_xor_si256(_mm256_xor_si256(a, b), c)
static inline void ik_stream(void *target, const void *source) {
    _mm256_stream_si256((__m256i *)target, ik_load(source));
}
static inline void ik_store_blocks(ik_u32 *words, __m256i c0, __m256i c1, __m256i c2, __m256i c3) {
    const __m256i early = _mm256_blend_epi32(c0, _mm256_slli_epi64(c1, 32), 0xAA);
    const __m256i late = _mm256_blend_epi32(c2, _mm256_slli_epi64(c3, 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(early, late), odd = _mm256_unpackhi_epi64(early, late);
    _mm256_storeu_si256((__m256i *)words, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((__m256i *)(words + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}
#endif

/* Several groups of lanes side by side hide the multiply's latency. */
static inline void ik_words(const ik_schedule *schedule, const ik_u64 *blocks, ik_size count, ik_u32 *words) {
    const ik_lanes m0 = ik_spread(IK_MULTIPLIER_0), m1 = ik_spread(IK_MULTIPLIER_1);
    for (ik_size done = 0; done < count; done += IK_GROUPS * IK_LANES) {
        ik_lanes c0[IK_GROUPS], c1[IK_GROUPS], c2[IK_GROUPS], c3[IK_GROUPS];
        for (int group = 0; group < IK_GROUPS; ++group) {
            c0[group] = ik_load(blocks + done + group * IK_LANES);
            c1[group] = ik_high(c0[group]);
            c2[group] = ik_spread(schedule->word2);
            c3[group] = ik_spread(schedule->word3);
        }
        for (int round = 0; round < 10; ++round) {
            const ik_lanes k0 = ik_spread(schedule->first[round]), k1 = ik_spread(schedule->second[round]);
            for (int group = 0; group < IK_GROUPS; ++group) {
                const ik_lanes p0 = ik_multiply(c0[group], m0), p1 = ik_multiply(c2[group], m1);
                c0[group] = ik_xor3(ik_high(p1), c1[group], k0);
                c1[group] = p1;
                c2[group] = ik_xor3(ik_high(p0), c3[group], k1);
                c3[group] = p0;
            }
        }
        for (int group = 0; group < IK_GROUPS; ++group)
            ik_store_blocks(words + 4 * (done + group * IK_LANES), c0[group], c1[group], c2[group], c3[group]);
    }
}

#elif defined(IK_USE_NEON)

#include <arm_neon.h>

static inline uint32x4_t ik_high_words(uint64x2_t front, uint64x2_t back) {
    return vuzp2q_u32(vreinterpretq_u32_u64(front), vreinterpretq_u32_u64(back));
}

static inline uint32x4_t ik_low_words(uint64x2_t front, uint64x2_t back) {
    return vuzp1q_u32(vreinterpretq_u32_u64(front), vreinterpretq_u32_u64(back));
}

static inline void ik_words(const ik_schedule *schedule, const ik_u64 *blocks, ik_size count, ik_u32 *words) {
    const uint32x2_t m0 = vdup_n_u32(IK_MULTIPLIER_0), m1 = vdup_n_u32(IK_MULTIPLIER_1);
    for (ik_size done = 0; done < count; done += 4) {
        uint32x4x4_t c;
        const uint64x2_t front = vld1q_u64((const uint64_t *)blocks + done);
        const uint64x2_t back = vld1q_u64((const uint64_t *)blocks + done + 2);
        c.val[0] = ik_low_words(front, back);
        c.val[1] = ik_high_words(front, back);
        c.val[2] = vdupq_n_u32(schedule->word2);
        c.val[3] = vdupq_n_u32(schedule->word3);
        for (int round = 0; round < 10; ++round) {
            const uint64x2_t p0 = vmull_u32(vget_low_u32(c.val[0]), m0);
            const uint64x2_t q0 = vmull_u32(vget_high_u32(c.val[0]), m0);
            const uint64x2_t p1 = vmull_u32(vget_low_u32(c.val[2]), m1);
            const uint64x2_t q1 = vmull_u32(vget_high_u32(c.val[2]), m1);
            c.val[0] = veorq_u32(veorq_u32(ik_high_words(p1, q1), c.val[1]), vdupq_n_u32(schedule->first[round]));
            c.val[1] = ik_low_words(p1, q1);
            c.val[2] = veorq_u32(veorq_u32(ik_high_words(p0, q0), c.val[3]), vdupq_n_u32(schedule->second[round]));
            c.val[3] = ik_low_words(p0, q0);
        }
        vst4q_u32(words + 4 * done, c);
    }
}

#else

static inline void ik_one_block(const ik_schedule *schedule, ik_u64 block, ik_u32 words[4]) {
    ik_u32 c0 = (ik_u32)block, c1 = (ik_u32)(block >> 32), c2 = schedule->word2, c3 = schedule->word3;
    for (int round = 0; round < 10; ++round) {
        const ik_u64 p0 = (ik_u64)IK_MULTIPLIER_0 * c0, p1 = (ik_u64)IK_MULTIPLIER_1 * c2;
        c0 = (ik_u32)(p1 >> 32) ^ c1 ^ schedule->first[round];
        c1 = (ik_u32)p1;
        c2 = (ik_u32)(p0 >> 32) ^ c3 ^ schedule->second[round];
        c3 = (ik_u32)p0;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

static inline void ik_words(const ik_schedule *schedule, const ik_u64 *blocks, ik_size count, ik_u32 *words) {
    for (ik_size i = 0; i < count; ++i) ik_one_block(schedule, blocks[i], words + 4 * i);
}

#endif

#endif
