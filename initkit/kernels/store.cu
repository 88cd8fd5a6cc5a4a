/* Rounding arrays of floats into device memory of any layout, or widening them there, in CUDA.
 *
 * CuPy's own casts flush subnormal float32 values to zero and have no float8. cuda.py names in macros what is to be
 * compiled, as for fill.cu: IK_SOURCE, the bits of what is read, 32 or 64; IK_OUTPUT and IK_BYTES, what is written; and
 * IK_NAN, the bits of what NumPy makes of a NaN in that dtype, but for the sign.
 */
#include "fill.h"

#ifndef IK_ENTRY
#define IK_ENTRY extern "C" __global__ void __launch_bounds__(256)
#endif

#if IK_SOURCE == 64
typedef double ik_source;
#else
typedef float ik_source;
#endif

#if IK_BYTES == 8
typedef ik_u64 ik_output;
typedef double ik_rounded;
#else
typedef float ik_rounded;
#endif
#if IK_BYTES == 4
typedef ik_u32 ik_output;
#elif IK_BYTES == 2
typedef ik_u16 ik_output;
#elif IK_BYTES == 1
typedef ik_u8 ik_output;
#endif

/* Position p, unravelled over `counts`, is read and written at the sum of digit * stride, in bytes. */
struct ik_layout {
    const unsigned char *source;
    unsigned char *out;
    ik_u64 positions;
    ik_u64 axes;
    ik_u64 counts[IK_MOST_AXES];
    ik_i64 source_strides[IK_MOST_AXES];
    ik_i64 out_strides[IK_MOST_AXES];
};

IK_INLINE ik_u32 ik_to_float32(float value) { return ik_bits32(value); }
IK_INLINE ik_u64 ik_to_float64(double value) { return ik_bits64(value); }

IK_ENTRY ik_store(const ik_layout layout) {
    const ik_u64 first = (ik_u64)blockIdx.x * blockDim.x + threadIdx.x, step = (ik_u64)gridDim.x * blockDim.x;
    for (ik_u64 position = first; position < layout.positions; position += step) {
        ik_u64 rest = position, from = 0, to = 0;
#pragma unroll 1
        for (int axis = (int)layout.axes - 1; axis >= 0; --axis) {
            const ik_u64 next = axis ? rest / layout.counts[axis] : 0;
            const ik_u64 digit = rest - next * layout.counts[axis];
            from += digit * (ik_u64)layout.source_strides[axis];
            to += digit * (ik_u64)layout.out_strides[axis];
            rest = next;
        }
        const ik_source value = *(const ik_source *)(layout.source + from);
        /* A NaN's sign does not outlive its conversion to another precision. */
        const ik_output negative = (ik_output)(IK_GLUE(ik_bits, IK_SOURCE)(value) >> (IK_SOURCE - 1));
        const ik_output sign = (ik_output)(negative << (8 * IK_BYTES - 1));
        const ik_output bits = (ik_output)IK_GLUE(ik_to_, IK_OUTPUT)((ik_rounded)value);
        *(ik_output *)(layout.out + to) = (ik_output)(value != value ? sign | IK_NAN : bits);
    }
}
