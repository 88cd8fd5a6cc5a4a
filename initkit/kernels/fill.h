/* What is asked of a fill, and the codes by which Python and C name it. */
#ifndef IK_FILL_H
#define IK_FILL_H

#include "stream.h"

/* initkit/region.py merges axes; NumPy has 64 at most. */
#define IK_MOST_AXES 64
#define IK_MOST_PARAMETERS 10

/* The order of initkit/dtypes.py. */
enum { IK_FLOAT32, IK_FLOAT64, IK_FLOAT16, IK_BFLOAT16, IK_FLOAT8_E4M3FN, IK_FLOAT8_E5M2, IK_OUTPUTS };

/* The order of initkit/kernels/parameters.py. */
enum { IK_UNIFORM, IK_NORMAL, IK_TRUNCATED_CENTRAL, IK_TRUNCATED, IK_TRUNCATED_FAR, IK_DISTRIBUTIONS };

/* `streaming` says that the whole output, of which this may be a piece, is larger than the caches, or that its
 * address is no multiple of its elements' size.
 * Position p of the region, unravelled over `counts`, is element offset + sum(digit * stride) of the draw. */
typedef struct {
    ik_u32 identity[4];
    int distribution;
    int output;
    int axes;
    int streaming;
    double parameters[IK_MOST_PARAMETERS];
    ik_u64 offset;
    ik_u64 counts[IK_MOST_AXES];
    ik_i64 strides[IK_MOST_AXES];
} ik_request;

#endif
