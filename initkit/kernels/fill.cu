/* Filling device memory with the values of a draw, in CUDA.
 *
 * cuda.py writes what is to be compiled: one law and one output, named by the macros below, then this file with its
 * includes in place. Four consecutive elements are the four words of one Philox block, so a thread makes whole blocks:
 * as many as fill 16 bytes, which it stores at once where the address allows.
 *
 *   IK_LAW        ik_uniform, ik_normal, ik_truncated_central, ik_truncated or ik_truncated_far
 *   IK_PAIRED     1 where values come in pairs, else 0
 *   IK_DRAW       the bits of the draw, 32 or 64
 *   IK_OUTPUT     the output's dtype, as the functions that round to it have it in their name
 *   IK_BYTES      the size of that dtype
 *   IK_TWO        for PTX, two of that dtype, where an instruction rounds to them; else not defined
 */
#include "fill.h"

#ifndef IK_ENTRY
#define IK_ENTRY extern "C" __global__ void __launch_bounds__(256)
#endif

/* Keeps a number in its register, where the compiler would rather find it anew in every round of a loop. */
#ifndef IK_KEEP
#define IK_KEEP(number) asm volatile("" : "+l"(number))
#endif

#if IK_DRAW == 64
typedef double ik_draw_real;
typedef ik_u64 ik_draw_word;
#else
typedef float ik_draw_real;
typedef ik_u32 ik_draw_word;
#endif

/* Elements of a group, which one thread makes, and the 32-bit registers that hold their output. */
#define IK_GROUP (IK_BYTES >= 4 ? 4 : 16 / IK_BYTES)
#define IK_REGISTERS (IK_GROUP * IK_BYTES / 4)

typedef IK_GLUE(IK_LAW, IK_DRAW) ik_law;

/* What is drawn, and where it goes; elements lie one after the other. */
struct ik_job {
    unsigned char *out;
    ik_u64 index; /* of the map's first position */
    ik_u64 count; /* of consecutive elements that start at each position */
    ik_u32 round_keys[2][10]; /* of Philox: to add them up in every thread costs as much as to use them */
    ik_u32 counter[2];        /* words 2 and 3 of all its counters */
    ik_law law;
};

/* Position p of `positions`, unravelled over `counts`, lies sum(digit * stride) elements further on in the draw. */
struct ik_map {
    ik_u64 positions;
    ik_u64 axes;
    ik_u64 counts[IK_MOST_AXES];
    ik_i64 strides[IK_MOST_AXES];
};

/* ---- Words ---------------------------------------------------------------------------------------------- */

struct ik_words {
    ik_u32 w0, w1, w2, w3;
};

IK_INLINE ik_words ik_philox(const ik_job &job, ik_u64 block) {
    ik_u32 c0 = (ik_u32)block, c1 = (ik_u32)(block >> 32), c2 = job.counter[0], c3 = job.counter[1];
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const ik_u64 p0 = (ik_u64)c0 * IK_MULTIPLIER_0, p1 = (ik_u64)c2 * IK_MULTIPLIER_1;
        c0 = (ik_u32)(p1 >> 32) ^ c1 ^ job.round_keys[0][round];
        c2 = (ik_u32)(p0 >> 32) ^ c3 ^ job.round_keys[1][round];
        c1 = (ik_u32)p1;
        c3 = (ik_u32)p0;
    }
    const ik_words words = {c0, c1, c2, c3};
    return words;
}

struct ik_draw_words {
    ik_draw_word w0, w1, w2, w3;
};

/* The words of a block in the width of the draw. */
IK_INLINE ik_draw_words ik_words_of(const ik_job &job, ik_u64 block) {
    const ik_words high = ik_philox(job, block);
#if IK_DRAW == 64
    const ik_words low = ik_philox(job, block ^ IK_LOW_HALF_BIT);
    const ik_draw_words words = {(ik_u64)high.w0 << 32 | low.w0, (ik_u64)high.w1 << 32 | low.w1,
                                 (ik_u64)high.w2 << 32 | low.w2, (ik_u64)high.w3 << 32 | low.w3};
#else
    const ik_draw_words words = {high.w0, high.w1, high.w2, high.w3};
#endif
    return words;
}

/* ---- Values --------------------------------------------------------------------------------------------- */

IK_INLINE ik_u32 ik_to_float32(float value) { return ik_bits32(value); }
IK_INLINE ik_u64 ik_to_float64(double value) { return ik_bits64(value); }

/* Two neighbours, of which the first has an even index. */
IK_INLINE void ik_two_values(const ik_job &job, ik_draw_word even, ik_draw_word odd, ik_draw_real *first,
                             ik_draw_real *second) {
#if IK_PAIRED
    IK_GLUE(ik_normal_pair, IK_DRAW)(even, odd, &job.law, first, second);
#else
    *first = IK_GLUE(IK_GLUE(IK_LAW, _value), IK_DRAW)(even, &job.law);
    *second = IK_GLUE(IK_GLUE(IK_LAW, _value), IK_DRAW)(odd, &job.law);
#endif
}

/* Rounds a value and puts it at its place in the registers; they are little-endian, as all of CUDA is. */
IK_INLINE void ik_put(ik_u32 *registers, int place, ik_draw_real value) {
    const ik_u64 bits = IK_GLUE(ik_to_, IK_OUTPUT)(value);
#if IK_BYTES == 8
    registers[2 * place] = (ik_u32)bits;
    registers[2 * place + 1] = (ik_u32)(bits >> 32);
#else
    registers[place * IK_BYTES / 4] |= (ik_u32)bits << (8 * IK_BYTES * place % 32);
#endif
}

/* Rounds two neighbours, of which the first has an even place. */
IK_INLINE void ik_put_two(ik_u32 *registers, int place, ik_draw_real first, ik_draw_real second) {
#if defined(IK_TWO) && __CUDA_ARCH__ >= 800
    asm("cvt.rn." IK_TWO ".f32 %0, %1, %2;" : "=r"(registers[place / 2]) : "f"(second), "f"(first));
#else
    ik_put(registers, place, first);
    ik_put(registers, place + 1, second);
#endif
}

/* ---- Stores --------------------------------------------------------------------------------------------- */

/* Four registers to 16 bytes at once. An intrinsic, for compilers take plain stores of this width apart and share the
 * parts with other branches. */
IK_INLINE void ik_store16(unsigned char *out, const ik_u32 *registers) {
    __stwb((uint4 *)out, make_uint4(registers[0], registers[1], registers[2], registers[3]));
}

/* The same in pieces of the size of the address' alignment, which is that of elements or more. */
IK_INLINE void ik_store_narrow(unsigned char *out, const ik_u32 *registers, ik_u32 alignment) {
    if (IK_BYTES == 8 || alignment >= 8) {
        *(uint2 *)out = make_uint2(registers[0], registers[1]);
        *(uint2 *)(out + 8) = make_uint2(registers[2], registers[3]);
    } else if (IK_BYTES == 4 || alignment == 4) {
#pragma unroll
        for (int i = 0; i < 4; ++i) *(ik_u32 *)(out + 4 * i) = registers[i];
    } else if (IK_BYTES == 2 || alignment == 2) {
#pragma unroll
        for (int i = 0; i < 8; ++i) *(ik_u16 *)(out + 2 * i) = (ik_u16)(registers[i / 2] >> (i % 2 * 16));
    } else {
#pragma unroll
        for (int i = 0; i < 16; ++i) out[i] = (ik_u8)(registers[i / 4] >> (i % 4 * 8));
    }
}

/* The element at a place in the registers. */
IK_INLINE void ik_store_element(unsigned char *out, const ik_u32 *registers, int place) {
#if IK_BYTES == 8
    *(uint2 *)out = make_uint2(registers[2 * place], registers[2 * place + 1]);
#elif IK_BYTES == 4
    *(ik_u32 *)out = registers[place];
#elif IK_BYTES == 2
    *(ik_u16 *)out = (ik_u16)(registers[place / 2] >> (place % 2 * 16));
#else
    *out = (ik_u8)(registers[place / 4] >> (place % 4 * 8));
#endif
}

/* ---- Runs of consecutive elements ----------------------------------------------------------------------- */

/* A run, widened at its start to where a block begins, if possible at a multiple of 16 bytes as well. */
struct ik_run {
    unsigned char *out;
    ik_u64 block;
    ik_u64 skipped; /* elements at its start that are not stored */
    ik_u64 end;     /* elements up to its end */
    ik_u32 alignment;
};

IK_INLINE ik_run ik_run_of(unsigned char *out, ik_u64 index, ik_u64 count) {
    const ik_u32 lane = (ik_u32)(index % 4);
    const ik_u32 place = (ik_u32)((ik_u64)out / IK_BYTES);
    ik_run run;
    run.skipped = lane + ((place - lane) % IK_GROUP & ~3u);
    run.out = out - run.skipped * IK_BYTES;
    /* Signed, for the widened start may lie before the first element of the draw; what is made there is not stored. */
    run.block = (ik_u64)((ik_i64)(index - run.skipped) >> 2);
    run.end = run.skipped + count;
    const ik_u32 low = (ik_u32)(ik_u64)run.out & 15u;
    run.alignment = low ? low & (0u - low) : 16u;
    return run;
}

/* The group that begins at a block. */
IK_INLINE void ik_make_group(const ik_job &job, ik_u64 block, ik_u32 *registers) {
#pragma unroll
    for (int part = 0; part < IK_GROUP / 4; ++part) {
        const ik_draw_words words = ik_words_of(job, block + part);
        ik_draw_real value[4];
        ik_two_values(job, words.w0, words.w1, &value[0], &value[1]);
        ik_two_values(job, words.w2, words.w3, &value[2], &value[3]);
        ik_put_two(registers, 4 * part, value[0], value[1]);
        ik_put_two(registers, 4 * part + 2, value[2], value[3]);
    }
}

/* A group so many bytes into the run, whose address is no multiple of 16, or of which not all elements are stored. */
IK_INLINE void ik_store_group(const ik_run &run, ik_u64 distance, const ik_u32 *registers) {
    const ik_u64 first = distance / IK_BYTES, last = first + IK_GROUP;
    unsigned char *const out = run.out + distance;
    if (first >= run.skipped && last <= run.end) {
#pragma unroll
        for (int i = 0; i < IK_REGISTERS; i += 4) ik_store_narrow(out + 4 * i, registers + i, run.alignment);
        return;
    }
#pragma unroll
    for (int i = 0; i < IK_GROUP; ++i) {
        if (first + i >= run.skipped && first + i < run.end) ik_store_element(out + i * IK_BYTES, registers, i);
    }
}

/* The groups of a run that are this thread's. */
IK_INLINE void ik_fill_run(const ik_job &job, const ik_run &run, ik_u64 thread, ik_u64 threads) {
    const ik_u64 size = IK_GROUP * IK_BYTES, start = (ik_u64)run.out;
    /* Groups within the run, if they are stored at once, are the first ones of `wide` bytes from `first` on. */
    const ik_u64 ragged = (run.skipped + IK_GROUP - 1) / IK_GROUP, whole = run.end / IK_GROUP;
    ik_u64 first = start + ragged * size;
    ik_u64 wide = run.alignment == 16 && whole > ragged ? (whole - ragged) * size : 0;
    ik_u64 stop = start + (run.end + IK_GROUP - 1) / IK_GROUP * size;
    IK_KEEP(first);
    IK_KEEP(wide);
    IK_KEEP(stop);
    IK_KEEP(threads);
    ik_u64 block = run.block + thread * (IK_GROUP / 4);
    for (ik_u64 out = start + thread * size; out < stop; out += threads * size) {
        ik_u32 registers[IK_REGISTERS] = {0};
        ik_make_group(job, block, registers);
        if (out - first < wide) {
#pragma unroll
            for (int i = 0; i < IK_REGISTERS; i += 4) ik_store16((unsigned char *)out + 4 * i, registers + i);
        } else {
            ik_store_group(run, out - start, registers);
        }
        block += threads * (IK_GROUP / 4);
    }
}

/* ---- Entry points --------------------------------------------------------------------------------------- */

IK_INLINE ik_u64 ik_thread_x() { return (ik_u64)blockIdx.x * blockDim.x + threadIdx.x; }
IK_INLINE ik_u64 ik_thread_y() { return (ik_u64)blockIdx.y * blockDim.y + threadIdx.y; }
IK_INLINE ik_u64 ik_threads_x() { return (ik_u64)gridDim.x * blockDim.x; }
IK_INLINE ik_u64 ik_threads_y() { return (ik_u64)gridDim.y * blockDim.y; }

/* Unsigned arithmetic wraps, so negative strides add up. */
IK_INLINE ik_u64 ik_distance(const ik_map &map, ik_u64 position) {
    ik_u64 distance = 0;
#pragma unroll 1
    for (int axis = (int)map.axes - 1; axis > 0; --axis) {
        const ik_u64 rest = position / map.counts[axis];
        distance += (position - rest * map.counts[axis]) * (ik_u64)map.strides[axis];
        position = rest;
    }
    return distance + position * (ik_u64)map.strides[0];
}

/* A run of `count` elements for each position of the map, one after the other in memory. */
IK_ENTRY ik_fill_runs(const ik_job job, const ik_map map) {
    for (ik_u64 row = ik_thread_y(); row < map.positions; row += ik_threads_y()) {
        const ik_u64 index = job.index + ik_distance(map, row);
        const ik_run run = ik_run_of(job.out + row * job.count * IK_BYTES, index, job.count);
        ik_fill_run(job, run, ik_thread_x(), ik_threads_x());
    }
}

/* One element for each position of the map, to any address. */
IK_ENTRY ik_fill_elements(const ik_job job, const ik_map map) {
    for (ik_u64 position = ik_thread_x(); position < map.positions; position += ik_threads_x()) {
        const ik_u64 index = job.index + ik_distance(map, position);
        const ik_draw_words words = ik_words_of(job, index >> 2);
        const int late = (int)(index >> 1 & 1), odd = (int)(index & 1);
        const ik_draw_word even_word = late ? words.w2 : words.w0, odd_word = late ? words.w3 : words.w1;
        ik_u32 registers[IK_BYTES == 8 ? 2 : 1] = {0};
#if IK_PAIRED
        ik_draw_real first, second;
        ik_two_values(job, even_word, odd_word, &first, &second);
        ik_put(registers, 0, odd ? second : first);
#else
        ik_put(registers, 0, IK_GLUE(IK_GLUE(IK_LAW, _value), IK_DRAW)(odd ? odd_word : even_word, &job.law));
#endif
        unsigned char *const out = job.out + position * IK_BYTES;
        if ((ik_u64)out % IK_BYTES) {
#pragma unroll
            for (int i = 0; i < IK_BYTES; ++i) out[i] = (ik_u8)(registers[i / 4] >> (i % 4 * 8));
        } else {
            ik_store_element(out, registers, 0);
        }
    }
}
