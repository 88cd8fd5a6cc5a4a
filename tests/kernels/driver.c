/* A program that does jobs which it reads, for builds that no Python can load: those for another processor, and those
 * with sanitizers. Usage: driver INSTRUCTION_SET [flush] <jobs >results
 *
 * A job is, in native byte order: part, code, how far the output lies off an aligned address, zero (32 bits each), first,
 * count, bytes in, bytes out (64 bits each), ten doubles, and the bytes in. With `flush`, it starts with subnormal
 * numbers flushed to zero.
 */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

int ik_use(const char *name);
int ik_fill(const unsigned char *packed, ik_u64 first, ik_u64 count, void *out);
int ik_select(const float *uniforms, unsigned char *missing, unsigned char *out, const ik_i64 *numbers);
void ik_count(const unsigned char *packed, const ik_i64 *wanted, unsigned char *missing, ik_i64 *memory);

typedef void (*probe)(int, int, const double *, const void *, ik_u64, void *);

typedef struct {
    ik_i32 part, code, misaligned, zero;
    ik_u64 first, count, bytes_in, bytes_out;
    double parameters[IK_MOST_PARAMETERS];
} job;

static probe probe_named(const char *name) {
#if defined(IK_HAVE_AVX2)
    if (!strcmp(name, "avx2")) return probe_avx2;
#endif
#if defined(IK_HAVE_AVX512)
    if (!strcmp(name, "avx512")) return probe_avx512;
#endif
#if defined(IK_HAVE_NEON)
    if (!strcmp(name, "neon")) return probe_neon;
#endif
    return strcmp(name, "baseline") ? 0 : probe_baseline;
}

/* A copy in memory of its own, so that a sanitizer sees where it ends. */
static void *copied(const unsigned char *source, ik_u64 size) {
    void *copy = malloc(size);
    if (copy) memcpy(copy, source, size);
    return copy;
}

static int clear_members(const job *next, const unsigned char *in, unsigned char *out) {
    const ik_u64 head = 12 * sizeof(ik_i64), counts = next->count, size = next->bytes_out - counts;
    float *uniforms = copied(in + head, next->bytes_in - head - counts);
    unsigned char *missing = copied(in + next->bytes_in - counts, counts), *cleared = malloc(size + next->misaligned);
    if (!uniforms || !missing || !cleared) return 4;
    memset(cleared + next->misaligned, 0xA5, size);
    const int refused = ik_select(uniforms, missing, cleared + next->misaligned + next->first, (const ik_i64 *)in);
    memcpy(out, cleared + next->misaligned, size);
    memcpy(out + size, missing, counts);
    free(uniforms);
    free(missing);
    free(cleared);
    return refused;
}

static int count_members(const job *next, const unsigned char *in, unsigned char *out) {
    const ik_u64 head = 8 * sizeof(ik_u32) + 4 * sizeof(double) + 9 * sizeof(ik_i64);
    const ik_u64 number = (next->bytes_in - head) / sizeof(ik_i64);
    ik_i64 *wanted = copied(in + head, number * sizeof *wanted);
    ik_i64 *memory = malloc((3 * number + (5 * number + 2) * next->count) * sizeof *memory);
    if (!wanted || !memory) return 4;
    ik_count(in, wanted, out, memory);
    free(wanted);
    free(memory);
    return 0;
}

static void flush_subnormals(void) {
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040u);
#elif defined(__aarch64__)
    ik_u64 mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
    mode |= (ik_u64)1 << 24;
    __asm__ __volatile__("msr fpcr, %0" : : "r"(mode));
#endif
}

static int flushes(void) {
    volatile float small = 1e-30f;
    volatile float subnormal = small * 1e-10f;
    return subnormal == 0;
}

int main(int arguments, char **argument) {
    const probe probed = arguments < 2 ? 0 : probe_named(argument[1]);
    if (!probed || !ik_use(argument[1])) return fprintf(stderr, "no such instruction set\n"), 2;
    if (arguments > 2) flush_subnormals();
    if (flushes() != (arguments > 2)) return fprintf(stderr, "subnormal numbers are not as asked\n"), 3;
    job next;
    while (fread(&next, sizeof next, 1, stdin) == 1) {
        unsigned char *in = malloc(next.bytes_in), *memory = malloc(next.bytes_out + next.misaligned);
        if (!in || !memory || fread(in, 1, next.bytes_in, stdin) != next.bytes_in) return 4;
        unsigned char *out = memory + next.misaligned;
        if (next.part == PROBE_SELECT) {
            if (clear_members(&next, in, out)) return fprintf(stderr, "a clearing was refused\n"), 5;
        } else if (next.part == PROBE_COUNT) {
            if (count_members(&next, in, out)) return 4;
        } else if (next.part != PROBE_FILL)
            probed(next.part, next.code, next.parameters, in, next.count, out);
        else if (ik_fill(in, next.first, next.count, out))
            return fprintf(stderr, "a fill was refused\n"), 5;
        if (fwrite(out, 1, next.bytes_out, stdout) != next.bytes_out) return 6;
        free(in);
        free(memory);
    }
    return flushes() == (arguments > 2) ? 0 : 7;
}
