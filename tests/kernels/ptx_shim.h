/* A GPU's threads on the host: ptx_host.py writes PTX, instruction by instruction, as C in these words. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8, b8;
typedef uint16_t u16, b16;
typedef uint32_t u32, b32;
typedef uint64_t u64, b64;
typedef int32_t s32;
typedef int64_t s64;
typedef float f32;
typedef double f64;
typedef int pred;

static inline f32 as_f32(u32 bits) {
    f32 value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline f64 as_f64(u64 bits) {
    f64 value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
/* Every NaN that a GPU makes in float32 is this one. */
static inline u32 bits_f32(f32 value) {
    u32 bits;
    memcpy(&bits, &value, sizeof bits);
    return value == value ? bits : 0x7FFFFFFFu;
}
static inline u64 bits_f64(f64 value) {
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* -0 is below +0, and a NaN is neither the largest nor the smallest. */
#define LARGER(a, b) ((a) > (b) || (b) != (b) || ((a) == (b) && !signbit(a)) ? (a) : (b))
#define SMALLER(a, b) ((a) < (b) || (b) != (b) || ((a) == (b) && signbit(a)) ? (a) : (b))
static inline f32 max_f32(f32 a, f32 b) { return LARGER(a, b); }
static inline f32 min_f32(f32 a, f32 b) { return SMALLER(a, b); }
static inline f64 max_f64(f64 a, f64 b) { return LARGER(a, b); }
static inline f64 min_f64(f64 a, f64 b) { return SMALLER(a, b); }

/* A number in a format of so many bits of exponent and mantissa, rounded to nearest even. Only rint rounds. */
static inline u32 rounded(f64 value, int exponent_bits, int mantissa_bits) {
    const u32 sign = (u32)(signbit(value) != 0) << (exponent_bits + mantissa_bits);
    const u32 infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
    const int least = 2 - (1 << (exponent_bits - 1));
    int exponent = least;
    u32 bits;
    if (isnan(value)) return (1u << (exponent_bits + mantissa_bits)) - 1;
    if (isinf(value)) return sign | infinity;
    if (value != 0 && ilogb(value) > least) exponent = ilogb(value);
    if (exponent > 1 - least) return sign | infinity;
    bits = (u32)rint(ldexp(fabs(value), mantissa_bits - exponent)) + ((u32)(exponent - least) << mantissa_bits);
    return sign | (bits < infinity ? bits : infinity);
}
static inline u32 two_f16(f32 upper, f32 lower) { return rounded(upper, 5, 10) << 16 | rounded(lower, 5, 10); }
static inline u32 two_bf16(f32 upper, f32 lower) { return rounded(upper, 8, 7) << 16 | rounded(lower, 8, 7); }

/* PTX moves no bit further than out of the register; C leaves that open. */
#define SHL(type, value, by) ((by) < 8 * sizeof(type) ? (type)((type)(value) << (by)) : (type)0)
#define SHR(type, value, by) ((type)(value) >> ((by) < 8 * sizeof(type) ? (by) : 8 * sizeof(type) - 1) >> !((by) < 8 * sizeof(type)))

/* `into` with `length` bits from `start` on replaced by the lowest of `field`. */
static inline u64 insert_b64(u64 field, u64 into, u32 start, u32 length) {
    const u64 mask = length < 64 ? ((u64)1 << length) - 1 : ~(u64)0;
    return start < 64 ? (into & ~(mask << start)) | (field & mask) << start : into;
}

static struct {
    u32 x, y;
} tid, ctaid, ntid, nctaid;

/* Accesses to addresses that are no multiples of their size, which a GPU refuses; and stores of 16 bytes. */
static int misaligned;
static u64 wide_stores;
u64 shim_wide_stores(void) { return wide_stores; }

static inline char *at(u64 address, u64 size) {
    misaligned |= address % size != 0;
    return (char *)(uintptr_t)address;
}
static inline void store(u64 address, const void *values, u64 size) {
    memcpy(at(address, size), values, size);
    wide_stores += size == 16;
}

/* grid x, y; block x, y; the first of the blocks along x and how many of them are run. */
static int run_threads(const u32 *geometry, void (*thread)(const u64 *), const u64 *parameters) {
    u32 block;
    misaligned = 0;
    wide_stores = 0;
    nctaid.x = geometry[0], nctaid.y = geometry[1], ntid.x = geometry[2], ntid.y = geometry[3];
    for (ctaid.y = 0; ctaid.y < nctaid.y; ++ctaid.y)
        for (block = 0; block < geometry[5]; ++block) {
            ctaid.x = geometry[4] + block;
            for (tid.y = 0; tid.y < ntid.y; ++tid.y)
                for (tid.x = 0; tid.x < ntid.x; ++tid.x) thread(parameters);
        }
    return misaligned;
}
