/* The library's entry points: which instruction sets there are, and what is done with one of them. */
#include "fill.h"

#include <string.h>

#if defined(_WIN32)
#define IK_EXPORT __declspec(dllexport)
#else
#define IK_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define IK_X86 1
#include <immintrin.h>
#if defined(_MSC_VER)
#include <intrin.h>
#endif
#endif

typedef struct {
    void (*fill)(const ik_request *, ik_u64, ik_u64, void *);
    void (*select)(const ik_selection *);
    void (*count)(const ik_counting *);
} ik_kernels;

void ik_fill_baseline(const ik_request *request, ik_u64 first, ik_u64 count, void *out);
void ik_select_baseline(const ik_selection *selection);
void ik_count_baseline(const ik_counting *counting);
static const ik_kernels baseline = {ik_fill_baseline, ik_select_baseline, ik_count_baseline};
#if defined(IK_HAVE_AVX2)
void ik_fill_avx2(const ik_request *request, ik_u64 first, ik_u64 count, void *out);
void ik_select_avx2(const ik_selection *selection);
void ik_count_avx2(const ik_counting *counting);
static const ik_kernels avx2 = {ik_fill_avx2, ik_select_avx2, ik_count_avx2};
#endif
#if defined(IK_HAVE_AVX512)
void ik_fill_avx512(const ik_request *request, ik_u64 first, ik_u64 count, void *out);
void ik_select_avx512(const ik_selection *selection);
void ik_count_avx512(const ik_counting *counting);
static const ik_kernels avx512 = {ik_fill_avx512, ik_select_avx512, ik_count_avx512};
#endif
#if defined(IK_HAVE_NEON)
void ik_fill_neon(const ik_request *request, ik_u64 first, ik_u64 count, void *out);
void ik_select_neon(const ik_selection *selection);
void ik_count_neon(const ik_counting *counting);
static const ik_kernels neon = {ik_fill_neon, ik_select_neon, ik_count_neon};
#endif

#if defined(IK_HAVE_AVX2) || defined(IK_HAVE_AVX512)
#if defined(_MSC_VER) && !defined(__clang__)
/* Leaf 7 lists the instructions; XCR0 says whether the operating system keeps the wide registers. */
static int leaf7(int *ebx) {
    int registers[4];
    __cpuid(registers, 0);
    if (registers[0] < 7) return 0;
    __cpuidex(registers, 1, 0);
    if (!(registers[2] & (1 << 27))) return 0;
    __cpuidex(registers, 7, 0);
    *ebx = registers[1];
    return (int)_xgetbv(0);
}
static int has_avx2(void) {
    int ebx = 0;
    const int kept = leaf7(&ebx);
    return (kept & 0x06) == 0x06 && (ebx & (1 << 5));
}
static int has_avx512(void) {
    int ebx = 0;
    const int kept = leaf7(&ebx);
    const int needed = (1 << 16) | (1 << 17) | (1 << 30) | (int)(1u << 31);
    return (kept & 0xE6) == 0xE6 && (ebx & needed) == needed;
}
#else
static int has_avx2(void) { return __builtin_cpu_supports("avx2") != 0; }
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
#endif

/* By name, so that Python and the environment variable need no codes; fastest first. */
static const ik_kernels *kernels_named(const char *name) {
#if defined(IK_HAVE_AVX512)
    if (!strcmp(name, "avx512")) return has_avx512() ? &avx512 : 0;
#endif
#if defined(IK_HAVE_AVX2)
    if (!strcmp(name, "avx2")) return has_avx2() ? &avx2 : 0;
#endif
#if defined(IK_HAVE_NEON)
    if (!strcmp(name, "neon")) return &neon;
#endif
    if (!strcmp(name, "baseline")) return &baseline;
    return 0;
}

static const ik_kernels *chosen = &baseline;

/* Uses an instruction set from now on; 0 where this build or this processor has it not. */
IK_EXPORT int ik_use(const char *name) {
    const ik_kernels *kernels = kernels_named(name);
    if (!kernels) return 0;
    chosen = kernels;
    return 1;
}

IK_EXPORT const char *ik_source_digest(void) { return IK_SOURCE_DIGEST; }

/* Threads of other libraries run with denormals flushed to zero; values here must not depend on that. */
#if defined(IK_X86)
typedef unsigned int ik_mode;
#define IK_DEFAULT_MODE 0x1F80u
static ik_mode read_mode(void) { return _mm_getcsr(); }
static void write_mode(ik_mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__) && defined(__GNUC__)
typedef ik_u64 ik_mode;
#define IK_DEFAULT_MODE 0u
static ik_mode read_mode(void) {
    ik_mode mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static void write_mode(ik_mode mode) { __asm__ __volatile__("msr fpcr, %0" : : "r"(mode)); }
#else
typedef int ik_mode;
#define IK_DEFAULT_MODE 0
static ik_mode read_mode(void) { return 0; }
static void write_mode(ik_mode mode) { (void)mode; }
#endif

/* Sets this thread's floating-point mode, and returns the one before; of all ones: the default mode. For what Python
 * computes before a fill. */
IK_EXPORT ik_u64 ik_float_mode(ik_u64 mode) {
    const ik_mode before = read_mode();
    write_mode(mode == ~(ik_u64)0 ? IK_DEFAULT_MODE : (ik_mode)mode);
    return before;
}

/* Fills out[0 … count) with the elements at positions first … first + count of the region.
 *
 * `packed` is, in native byte order and without padding: 4 words of identity; distribution, output, number of axes
 * and streaming (32 bits each); the parameters (doubles); the offset; then for each axis its count, and for each
 * axis its stride (64 bits each). Returns 0, or 1 for a request that makes no sense.
 */
IK_EXPORT int ik_fill(const unsigned char *packed, ik_u64 first, ik_u64 count, void *out) {
    ik_request request;
    ik_i32 codes[4];
    memcpy(request.identity, packed, 16);
    memcpy(codes, packed + 16, 16);
    request.distribution = codes[0];
    request.output = codes[1];
    request.axes = codes[2];
    request.streaming = codes[3];
    if (request.distribution < 0 || request.distribution >= IK_DISTRIBUTIONS || request.output < 0 ||
        request.output >= IK_OUTPUTS || request.axes < 1 || request.axes > IK_MOST_AXES)
        return 1;
    packed += 32;
    memcpy(request.parameters, packed, sizeof request.parameters);
    packed += sizeof request.parameters;
    memcpy(&request.offset, packed, 8);
    packed += 8;
    const ik_size bytes = 8 * (ik_size)request.axes;
    memcpy(request.counts, packed, bytes);
    memcpy(request.strides, packed + bytes, bytes);
    const ik_mode mode = read_mode();
    write_mode(IK_DEFAULT_MODE);
    chosen->fill(&request, first, count, out);
    write_mode(mode);
    return 0;
}

/* Clears the members of random subsets, as fill.h says. `numbers` has the other fields, each of 64 bits, in this order.
 * Whether subnormals are flushed makes no difference to it. Returns 0, or 1 for a width that no element has. */
IK_EXPORT int ik_select(const float *uniforms, unsigned char *missing, unsigned char *out, const ik_i64 *numbers) {
    ik_selection selection;
    selection.uniforms = uniforms;
    selection.missing = missing;
    selection.out = out;
    selection.rows = (ik_u64)numbers[0];
    selection.blocks = (ik_u64)numbers[1];
    selection.columns = (ik_u64)numbers[2];
    selection.block_rows = numbers[3];
    selection.left = numbers[4];
    selection.left_in_last = numbers[5];
    selection.first = numbers[6];
    selection.step = numbers[7];
    selection.out_rows = (ik_u64)numbers[8];
    selection.row_stride = numbers[9];
    selection.column_stride = numbers[10];
    const ik_i64 width = numbers[11];
    selection.width = (ik_size)width;
    if (width != 1 && width != 2 && width != 4 && width != 8 && width != 16) return 1;
    chosen->select(&selection);
    return 0;
}

/* Counts the members that blocks of rows have of random subsets, as fill.h says. `packed` is, in native byte order and
 * without padding: the words of both draws (32 bits each), the law, and the nine numbers from `rows` on (64 bits each).
 * `memory` is of 64-bit elements: all that fill.h asks for, in its order. */
IK_EXPORT void ik_count(const unsigned char *packed, const ik_i64 *wanted, unsigned char *missing, ik_i64 *memory) {
    ik_counting counting;
    ik_i64 numbers[9];
    memcpy(counting.splits, packed, 16);
    memcpy(counting.trials, packed + 16, 16);
    memcpy(counting.uniform, packed + 32, 32);
    memcpy(numbers, packed + 64, sizeof numbers);
    counting.rows = numbers[0];
    counting.block_rows = numbers[1];
    counting.blocks = numbers[2];
    counting.size = numbers[3];
    counting.all_columns = numbers[4];
    counting.first_column = numbers[5];
    counting.column_step = numbers[6];
    counting.columns = (ik_u64)numbers[7];
    counting.number = (ik_u64)numbers[8];
    counting.wanted = wanted;
    counting.missing = missing;
    const ik_i64 number = numbers[8], columns = numbers[7];
    counting.numbers = memory;
    counting.members = counting.numbers + 3 * number;
    counting.found = counting.members + (2 * number + 2) * columns;
    counting.uniforms = (double *)(counting.found + number * columns);
    counting.places = (ik_u32 *)(counting.uniforms + number * columns);
    const ik_mode mode = read_mode();
    write_mode(IK_DEFAULT_MODE);
    chosen->count(&counting);
    write_mode(mode);
}
