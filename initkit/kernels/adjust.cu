/* Multiplying and shifting arrays of floats where they are, of any layout, in CUDA.
 *
 * CuPy's own arithmetic flushes subnormal float32 values to zero, and a GPU's makes one NaN of all. cuda.py names in macros what is to be compiled:
 * IK_REAL, the bits of an element, 32 or 64.
 */
#include "fill.h"

#ifndef IK_ENTRY
#define IK_ENTRY extern "C" __global__ void __launch_bounds__(256)
#endif

#if IK_REAL == 64
typedef double ik_real_element;
#else
typedef float ik_real_element;
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

IK_INLINE ik_real_element *ik_element(const ik_elements &all, ik_u64 position) {
    ik_u64 distance = 0;
#pragma unroll 1
    for (int axis = (int)all.axes - 1; axis > 0; --axis) {
        const ik_u64 rest = position / all.counts[axis];
        distance += (position - rest * all.counts[axis]) * (ik_u64)all.strides[axis];
        position = rest;
    }
    return (ik_real_element *)(all.first + distance + position * (ik_u64)all.strides[0]);
}

IK_ENTRY ik_scale(const ik_elements all) {
    const ik_u64 first = (ik_u64)blockIdx.x * blockDim.x + threadIdx.x, step = (ik_u64)gridDim.x * blockDim.x;
    const ik_real_element factor = (ik_real_element)all.number;
    for (ik_u64 position = first; position < all.positions; position += step) {
        ik_real_element *const element = ik_element(all, position);
        if (*element == *element) *element = *element * factor;
    }
}

IK_ENTRY ik_shift(const ik_elements all) {
    const ik_u64 first = (ik_u64)blockIdx.x * blockDim.x + threadIdx.x, step = (ik_u64)gridDim.x * blockDim.x;
    const ik_real_element offset = (ik_real_element)all.number;
    for (ik_u64 position = first; position < all.positions; position += step) {
        ik_real_element *const element = ik_element(all, position);
        if (*element == *element) *element = *element + offset;
    }
}
