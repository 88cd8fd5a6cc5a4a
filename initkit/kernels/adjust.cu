/* Multiplying and shifting arrays of floats where they are, of any layout, in CUDA.
 *
 * CuPy's own arithmetic flushes subnormal float32 values to zero. cuda.py names in macros what is to be compiled:
 * IK_REAL, the bits of a real number, 32 or 64; and IK_PARTS, how many of them an element has, 1 or 2.
 */
#include "fill.h"

#ifndef IK_ENTRY
#define IK_ENTRY extern "C" __global__ void __launch_bounds__(256)
#endif

#if IK_REAL == 64
typedef double ik_part;
#else
typedef float ik_part;
#endif

/* Position p, unravelled over `counts`, is at the sum of digit * stride, in bytes. */
struct ik_elements {
    unsigned char *first;
    ik_u64 positions;
    ik_u64 axes;
    double number; /* one that the precision of the elements holds */
    ik_u64 counts[IK_MOST_AXES];
    ik_i64 strides[IK_MOST_AXES];
};

IK_INLINE ik_part *ik_element(const ik_elements &all, ik_u64 position) {
    ik_u64 distance = 0;
#pragma unroll 1
    for (int axis = (int)all.axes - 1; axis > 0; --axis) {
        const ik_u64 rest = position / all.counts[axis];
        distance += (position - rest * all.counts[axis]) * (ik_u64)all.strides[axis];
        position = rest;
    }
    return (ik_part *)(all.first + distance + position * (ik_u64)all.strides[0]);
}

IK_ENTRY ik_scale(const ik_elements all) {
    const ik_u64 first = (ik_u64)blockIdx.x * blockDim.x + threadIdx.x, step = (ik_u64)gridDim.x * blockDim.x;
    const ik_part factor = (ik_part)all.number;
    for (ik_u64 position = first; position < all.positions; position += step) {
        ik_part *const element = ik_element(all, position);
#if IK_PARTS == 2
        /* As NumPy has it, times factor + 0i: the products with 0 decide the signs of zeros. */
        const ik_part real = element[0], imaginary = element[1], zero = (ik_part)0;
        element[0] = real * factor - imaginary * zero;
        element[1] = real * zero + imaginary * factor;
#else
        *element = *element * factor;
#endif
    }
}

#if IK_PARTS == 1
IK_ENTRY ik_shift(const ik_elements all) {
    const ik_u64 first = (ik_u64)blockIdx.x * blockDim.x + threadIdx.x, step = (ik_u64)gridDim.x * blockDim.x;
    const ik_part offset = (ik_part)all.number;
    for (ik_u64 position = first; position < all.positions; position += step) {
        ik_part *const element = ik_element(all, position);
        *element = *element + offset;
    }
}
#endif
