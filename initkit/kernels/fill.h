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

/* Rows of some blocks, in which the members of a subset of each column are cleared. `uniforms` is an array of axes
 * (rows, blocks, columns), `missing` one of (blocks, columns): the members that are still to come, updated here. Row r
 * of block b lies first + b * block_rows + r rows after the first one of the output, which has every `step`-th; it is
 * only counted where the output has it not. `left` rows of a block are left at the first one, `left_in_last` of the last
 * block, 0 or less where it has ended before. Strides are in bytes; `width` is the bytes of an element. */
typedef struct {
    const float *uniforms;
    unsigned char *missing;
    ik_u64 rows;
    ik_u64 blocks;
    ik_u64 columns;
    ik_i64 block_rows;
    ik_i64 left;
    ik_i64 left_in_last;
    unsigned char *out;
    ik_i64 first;
    ik_i64 step;
    ik_u64 out_rows;
    ik_i64 row_stride;
    ik_i64 column_stride;
    ik_size width;
} ik_selection;

/* The members that some blocks of rows have of a subset of `size` rows in each of some columns, of a matrix of `rows`
 * and `all_columns`; `block_rows` rows are a block, the last one may be shorter. `splits` and `trials` are the draws,
 * and `uniform` the float64 law on [0, 1). The memory, from `numbers` on, has room for 3 * number, then
 * (2 * number + 2) * columns, number * columns, number * columns and 2 * number * columns elements. */
typedef struct {
    ik_u32 splits[4];
    ik_u32 trials[4];
    double uniform[4];
    ik_i64 rows;
    ik_i64 block_rows;
    ik_i64 blocks;
    ik_i64 size;
    ik_i64 all_columns;
    ik_i64 first_column;
    ik_i64 column_step;
    ik_u64 columns;
    ik_u64 number;
    const ik_i64 *wanted; /* so many blocks, ascending */
    unsigned char *missing; /* of axes (number, columns): what is found */
    ik_i64 *numbers;
    ik_i64 *members;
    ik_i64 *found;
    double *uniforms;
    ik_u32 *places;
} ik_counting;

#endif
