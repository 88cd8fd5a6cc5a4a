/* The parts of the kernels that the tests drive alone. */
#ifndef PROBE_H
#define PROBE_H

#include "fill.h"

#if defined(_WIN32)
#define PROBE_EXPORT __declspec(dllexport)
#else
#define PROBE_EXPORT __attribute__((visibility("default")))
#endif

/* PROBE_WORDS: block numbers, a multiple of 32 of them, to words; the identity stands in `parameters`.
 * PROBE_LAW32, PROBE_LAW64: words to values of the law `code`.
 * PROBE_ROUNDING: float32 values to the output `code`.
 * PROBE_FILL, of the driver alone: a packed request to an output.
 * PROBE_LOG: float64 values to logarithms, of code 0; of 1, of one more than each; of 2, five numbers at a time to the
 * logarithm of a share.
 * PROBE_SELECT, of the driver alone: twelve numbers, uniform values and counts to an output and the counts that are left.
 * PROBE_COUNT, of the driver alone: a packed request and blocks to counts. */
enum { PROBE_WORDS, PROBE_LAW32, PROBE_LAW64, PROBE_ROUNDING, PROBE_FILL, PROBE_LOG, PROBE_SELECT, PROBE_COUNT };

PROBE_EXPORT void probe_baseline(int part, int code, const double *parameters, const void *in, ik_u64 count, void *out);
PROBE_EXPORT void probe_avx2(int part, int code, const double *parameters, const void *in, ik_u64 count, void *out);
PROBE_EXPORT void probe_avx512(int part, int code, const double *parameters, const void *in, ik_u64 count, void *out);
PROBE_EXPORT void probe_neon(int part, int code, const double *parameters, const void *in, ik_u64 count, void *out);

#endif
