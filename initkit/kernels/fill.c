/* Filling memory with the values of a draw; compiled once for each instruction set.
 *
 * Work is done in tiles that stay in the first-level cache: block numbers -> words -> values -> output. Each
 * step is a loop over plain arrays, which compilers turn into vector code; philox.h alone is written by hand.
 */
#define IK_IS_avx512 1
#define IK_IS_avx2 2
#define IK_IS_neon 3
#define IK_PASTE_(a, b) a##b
#define IK_PASTE(a, b) IK_PASTE_(a, b)
#if IK_PASTE(IK_IS_, IK_ISA) == 1
#define IK_USE_AVX512
#elif IK_PASTE(IK_IS_, IK_ISA) == 2
#define IK_USE_AVX2
#elif IK_PASTE(IK_IS_, IK_ISA) == 3
#define IK_USE_NEON
#endif

#include "counts.h"
#include "fill.h"
#include "philox.h"
#include "select.h"
#include "stream.h"

#include <string.h>

/* Blocks and elements of a tile. Vector Philox takes whole batches, so tiles are filled up to a multiple of
 * 32 blocks; what is drawn in excess is never looked at. */
#define IK_TILE_BLOCKS 512
#define IK_TILE (4 * IK_TILE_BLOCKS)
#define IK_BATCH 32
/* Rows shorter than this are cheaper element by element than as runs with a ragged start and end. */
#define IK_SHORT_RUN 32

typedef struct {
    ik_u64 blocks[IK_TILE_BLOCKS];
    union {
        ik_u32 single[IK_TILE];
        ik_u64 pair[IK_TILE];
    } words;
    union {
        float single[IK_TILE];
        double pair[IK_TILE];
        ik_u32 high[IK_TILE];
    } values;
    ik_u32 low[IK_TILE];
} ik_tile;

/* ---- Words of a tile ------------------------------------------------------------------------------------ */

static ik_size round_up(ik_size count, ik_size multiple) { return (count + multiple - 1) / multiple * multiple; }

/* 32-bit words of the tile's block numbers; `blocks` is padded here. */
static void draw_words(const ik_schedule *schedule, ik_tile *tile, ik_size blocks, ik_u32 *words) {
    const ik_size padded = round_up(blocks, IK_BATCH);
    for (ik_size i = blocks; i < padded; ++i) tile->blocks[i] = 0;
    ik_words(schedule, tile->blocks, padded, words);
}

/* 64-bit words: the high halves are the 32-bit draw's own words, so that every precision is one draw. */
static void draw_wide_words(const ik_schedule *schedule, ik_tile *tile, ik_size blocks) {
    ik_u32 *high = tile->values.high;
    draw_words(schedule, tile, blocks, high);
    for (ik_size i = 0; i < blocks; ++i) tile->blocks[i] ^= IK_LOW_HALF_BIT;
    draw_words(schedule, tile, blocks, tile->low);
    for (ik_size i = 0; i < 4 * blocks; ++i) tile->words.pair[i] = ((ik_u64)high[i] << 32) | tile->low[i];
}

/* ---- Words to values ------------------------------------------------------------------------------------ */

/* One loop for each law; the law is a constant inside it, so that the loop is nothing but arithmetic. */
#define IK_EACH(law_name, value)                                                       \
    {                                                                                  \
        law_name law;                                                                  \
        memcpy(&law, numbers, sizeof law);                                             \
        for (ik_size i = 0; i < count; ++i) values[i] = value(words[i], &law);         \
        break;                                                                         \
    }

#define IK_DEFINE_TRANSFORM(width, word, real)                                                                    \
    static void transform##width(const ik_request *request, const word *words, real *values, ik_size count) {     \
        real numbers[IK_MOST_PARAMETERS];                                                                         \
        for (int i = 0; i < IK_MOST_PARAMETERS; ++i) numbers[i] = (real)request->parameters[i];                   \
        switch (request->distribution) {                                                                          \
        case IK_UNIFORM:                                                                                          \
            IK_EACH(ik_uniform##width, ik_uniform_value##width)                                                   \
        case IK_NORMAL: {                                                                                         \
            ik_normal##width law;                                                                                 \
            memcpy(&law, numbers, sizeof law);                                                                    \
            for (ik_size i = 0; i < count / 2; ++i)                                                               \
                ik_normal_pair##width(words[2 * i], words[2 * i + 1], &law, &values[2 * i], &values[2 * i + 1]);  \
            break;                                                                                                \
        }                                                                                                         \
        case IK_TRUNCATED_CENTRAL:                                                                                \
            IK_EACH(ik_truncated_central##width, ik_truncated_central_value##width)                               \
        case IK_TRUNCATED:                                                                                        \
            IK_EACH(ik_truncated##width, ik_truncated_value##width)                                               \
        default:                                                                                                  \
            IK_EACH(ik_truncated_far##width, ik_truncated_far_value##width)                                       \
        }                                                                                                         \
    }

IK_DEFINE_TRANSFORM(32, ik_u32, float)
IK_DEFINE_TRANSFORM(64, ik_u64, double)

/* ---- Values to output ----------------------------------------------------------------------------------- */

/* Float32 values as any of the smaller floats, or as they are. */
static void round_to(int output, const float *values, ik_size count, void *out) {
    switch (output) {
    case IK_FLOAT16:
        for (ik_size i = 0; i < count; ++i) ((ik_u16 *)out)[i] = ik_to_float16(values[i]);
        break;
    case IK_BFLOAT16:
        for (ik_size i = 0; i < count; ++i) ((ik_u16 *)out)[i] = ik_to_bfloat16(values[i]);
        break;
    case IK_FLOAT8_E4M3FN:
        for (ik_size i = 0; i < count; ++i) ((ik_u8 *)out)[i] = ik_to_float8_e4m3fn(values[i]);
        break;
    case IK_FLOAT8_E5M2:
        for (ik_size i = 0; i < count; ++i) ((ik_u8 *)out)[i] = ik_to_float8_e5m2(values[i]);
        break;
    default:
        memcpy(out, values, count * sizeof *values);
    }
}

/* Copies around the caches. An output that no cache can hold would only drive out what is in them, and be read from
 * memory line by line before it is overwritten: for the cheap laws that costs more than drawing. */
static void copy_streaming(void *out, const void *values, ik_size bytes) {
#if defined(IK_STREAM_BYTES)
    unsigned char *target = (unsigned char *)out;
    const unsigned char *source = (const unsigned char *)values;
    const ik_size ragged = (ik_size)(0 - (uintptr_t)target) % IK_STREAM_BYTES;
    const ik_size head = ragged < bytes ? ragged : bytes;
    memcpy(target, source, head);
    ik_size done = head;
    for (; done + IK_STREAM_BYTES <= bytes; done += IK_STREAM_BYTES) ik_stream(target + done, source + done);
    memcpy(target + done, source + done, bytes - done);
#else
    memcpy(out, values, bytes);
#endif
}

static void copy(const ik_request *request, void *out, const void *values, ik_size bytes) {
    if (request->streaming)
        copy_streaming(out, values, bytes);
    else
        memcpy(out, values, bytes);
}

/* Writes `count` values to `out[at]` and on, in the output's dtype; the tile's words are free by then. */
static void store32(const ik_request *request, const float *values, ik_size count, ik_tile *tile, void *out,
                    ik_size at) {
    static const unsigned char widths[IK_OUTPUTS] = {4, 8, 2, 2, 1, 1};
    const ik_size width = widths[request->output];
    unsigned char *target = (unsigned char *)out + at * width;
    if (request->output == IK_FLOAT32) {
        copy(request, target, values, count * width);
    } else if (request->streaming) {
        round_to(request->output, values, count, tile->words.single);
        copy_streaming(target, tile->words.single, count * width);
    } else {
        round_to(request->output, values, count, target);
    }
}

/* ---- Contiguous indices --------------------------------------------------------------------------------- */

/* Elements `index` to `index + count` of the draw, to `out[at]` and on. */
static void fill_run(const ik_request *request, const ik_schedule *schedule, ik_tile *tile, ik_u64 index,
                     ik_size count, void *out, ik_size at) {
    while (count) {
        const ik_u64 block = index / 4;
        const ik_size lead = (ik_size)(index % 4);
        const ik_size taken = count < IK_TILE - lead ? count : IK_TILE - lead;
        const ik_size blocks = (lead + taken + 3) / 4;
        /* Whole blocks need no detour through the tile when the output is of the draw's own precision. */
        const int direct = taken == 4 * blocks && !request->streaming;
        for (ik_size i = 0; i < blocks; ++i) tile->blocks[i] = block + i;
        if (request->output == IK_FLOAT64) {
            double *target = (double *)out + at, *values = direct ? target : tile->values.pair;
            draw_wide_words(schedule, tile, blocks);
            transform64(request, tile->words.pair, values, 4 * blocks);
            if (!direct) copy(request, target, values + lead, taken * sizeof *target);
        } else {
            const int in_place = direct && request->output == IK_FLOAT32;
            float *values = in_place ? (float *)out + at : tile->values.single;
            draw_words(schedule, tile, blocks, tile->words.single);
            transform32(request, tile->words.single, values, 4 * blocks);
            if (!in_place) store32(request, values + lead, taken, tile, out, at);
        }
        index += taken;
        at += taken;
        count -= taken;
    }
}

/* ---- Scattered indices ---------------------------------------------------------------------------------- */

/* Of every block's four words, keeps the one that is wanted, or the pair that it belongs to. */
#define IK_PICK(word, words)                                                                                \
    for (ik_size i = 0; i < count; ++i) {                                                                   \
        if (paired) {                                                                                       \
            const word even = (words)[4 * i + (lane[i] & 2)], odd = (words)[4 * i + (lane[i] | 1)];         \
            (words)[2 * i] = even;                                                                          \
            (words)[2 * i + 1] = odd;                                                                       \
        } else {                                                                                            \
            (words)[i] = (words)[4 * i + lane[i]];                                                          \
        }                                                                                                   \
    }

/* Up to a tile's worth of blocks, one for each element: `tile->blocks` holds element indices on entry. A
 * normal value needs both words of its pair, all others their own word alone. */
static void fill_scattered(const ik_request *request, const ik_schedule *schedule, ik_tile *tile, ik_size count,
                           void *out, ik_size at) {
    ik_u8 lane[IK_TILE_BLOCKS];
    for (ik_size i = 0; i < count; ++i) {
        lane[i] = (ik_u8)(tile->blocks[i] % 4);
        tile->blocks[i] /= 4;
    }
    const int paired = request->distribution == IK_NORMAL;
    if (request->output == IK_FLOAT64) {
        draw_wide_words(schedule, tile, count);
        ik_u64 *words = tile->words.pair;
        IK_PICK(ik_u64, words)
        double *values = tile->values.pair;
        transform64(request, words, values, paired ? 2 * count : count);
        if (paired)
            for (ik_size i = 0; i < count; ++i) values[i] = values[2 * i + (lane[i] & 1)];
        copy(request, (double *)out + at, values, count * sizeof *values);
    } else {
        draw_words(schedule, tile, count, tile->words.single);
        ik_u32 *words = tile->words.single;
        IK_PICK(ik_u32, words)
        float *values = tile->values.single;
        transform32(request, words, values, paired ? 2 * count : count);
        if (paired)
            for (ik_size i = 0; i < count; ++i) values[i] = values[2 * i + (lane[i] & 1)];
        store32(request, values, count, tile, out, at);
    }
}

/* ---- The map from positions to indices ------------------------------------------------------------------ */

/* A position in the region, as an odometer over its axes, and the global index there. */
typedef struct {
    ik_u64 digits[IK_MOST_AXES];
    ik_u64 index;
} ik_position;

static ik_position position_of(const ik_request *request, ik_u64 linear) {
    ik_position position;
    position.index = request->offset;
    for (int axis = request->axes - 1; axis >= 0; --axis) {
        position.digits[axis] = linear % request->counts[axis];
        linear /= request->counts[axis];
        position.index += position.digits[axis] * (ik_u64)request->strides[axis];
    }
    return position;
}

/* Steps along the last axis; carries into the axes before it. Unsigned arithmetic wraps, so negative strides add up. */
static void advance(const ik_request *request, ik_position *position, ik_u64 steps) {
    int axis = request->axes - 1;
    position->digits[axis] += steps;
    position->index += steps * (ik_u64)request->strides[axis];
    while (position->digits[axis] == request->counts[axis] && axis > 0) {
        position->index -= request->counts[axis] * (ik_u64)request->strides[axis];
        position->digits[axis] = 0;
        --axis;
        position->digits[axis] += 1;
        position->index += (ik_u64)request->strides[axis];
    }
}

void IK_PASTE(ik_fill_, IK_ISA)(const ik_request *request, ik_u64 first, ik_u64 count, void *out) {
    const ik_schedule schedule = ik_schedule_of(request->identity);
    const int last = request->axes - 1;
    const int in_runs = request->strides[last] == 1 && request->counts[last] >= IK_SHORT_RUN;
    ik_position position = position_of(request, first);
    ik_tile tile;
    ik_u64 done = 0;
    while (done < count) {
        const ik_u64 left = count - done;
        if (in_runs) {
            const ik_u64 rest = request->counts[last] - position.digits[last];
            const ik_u64 run = rest < left ? rest : left;
            fill_run(request, &schedule, &tile, position.index, (ik_size)run, out, (ik_size)done);
            advance(request, &position, run);
            done += run;
        } else {
            const ik_size taken = left < IK_TILE_BLOCKS ? (ik_size)left : IK_TILE_BLOCKS;
            for (ik_size i = 0; i < taken; ++i) {
                tile.blocks[i] = position.index;
                advance(request, &position, 1);
            }
            fill_scattered(request, &schedule, &tile, taken, out, (ik_size)done);
            done += taken;
        }
    }
#if defined(IK_STREAM_BYTES)
    /* Streaming stores are not ordered with those that tell other threads that this piece is done. */
    _mm_sfence();
#endif
}
