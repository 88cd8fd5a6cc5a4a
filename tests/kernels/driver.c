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
        if (next.part != PROBE_FILL)
            probed(next.part, next.code, next.parameters, in, next.count, out);
        else if (ik_fill(in, next.first, next.count, out))
            return fprintf(stderr, "a fill was refused\n"), 5;
        if (fwrite(out, 1, next.bytes_out, stdout) != next.bytes_out) return 6;
        free(in);
        free(memory);
    }
    return flushes() == (arguments > 2) ? 0 : 7;
}
