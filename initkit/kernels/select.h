/* Clearing the members of random subsets; included by fill.c, so compiled once for each instruction set.
 *
 * Algorithm S on many columns at once: a row is a member where `uniform * (rows left) < (members missing)`, in float32.
 */
#ifndef IK_SELECT_H
#define IK_SELECT_H

#include "fill.h"

#include <string.h>

/* Columns whose counts stay in registers or the first-level cache while rows are gone through, and so few of them
 * that as many bytes for every row of a tile stay there as well. */
#define IK_SELECT_COLUMNS 512
#define IK_SELECT_TILE 64

/* So many rows of one block, or what of them is in the output. Loops keep `columns` apart, which the compiler cannot
 * tell from what they write. */
typedef struct {
    const float *uniforms;
    ik_size pitch; /* uniform values from one row to the next */
    float *missing;
    ik_size columns;
    ik_i64 left; /* rows left at the first one; from 0 down, there are no more */
    unsigned char *out; /* the row of the output that has number 0, of which the first one here has number `offset` */
    ik_i64 offset;
    ik_i64 row_stride;
    ik_i64 column_stride;
} ik_rows;

static float ik_rows_left(const ik_rows *rows, ik_size row) {
    const ik_i64 left = rows->left - (ik_i64)row;
    return left > 0 ? (float)left : 0.0f;
}

/* Members of rows that are not in the output. */
static void ik_count_rows(const ik_rows *rows, ik_size first, ik_size last) {
    const ik_size columns = rows->columns;
    for (ik_size row = first; row < last; ++row) {
        const float *restrict uniforms = rows->uniforms + row * rows->pitch;
        float *restrict missing = rows->missing;
        const float left = ik_rows_left(rows, row);
        for (ik_size i = 0; i < columns; ++i) missing[i] -= uniforms[i] * left < missing[i] ? 1.0f : 0.0f;
    }
}

/* By bits: whatever the type, all of them are 0 in a zero. */
#define IK_CLEAR(T)                                                                                     \
    static void ik_clear_rows_##T(const ik_rows *rows, ik_size first, ik_size last) {                   \
        const ik_size columns = rows->columns;                                                          \
        for (ik_size row = first; row < last; ++row) {                                                  \
            const float *restrict uniforms = rows->uniforms + row * rows->pitch;                        \
            float *restrict missing = rows->missing;                                                    \
            T *restrict out = (T *)(rows->out + (rows->offset + (ik_i64)row) * rows->row_stride); \
            const float left = ik_rows_left(rows, row);                                                 \
            for (ik_size i = 0; i < columns; ++i) {                                                     \
                const int member = uniforms[i] * left < missing[i];                                     \
                missing[i] -= member ? 1.0f : 0.0f;                                                     \
                out[i] = member ? 0 : out[i];                                                           \
            }                                                                                           \
        }                                                                                               \
    }                                                                                                   \
    static void ik_clear_line_##T(unsigned char *line, const unsigned char *members, ik_size count) {   \
        T *restrict out = (T *)line;                                                                    \
        for (ik_size i = 0; i < count; ++i) out[i] &= (T)((T)members[i] - (T)1);                        \
    }

IK_CLEAR(ik_u8)
IK_CLEAR(ik_u16)
IK_CLEAR(ik_u32)
IK_CLEAR(ik_u64)

/* Elements of 16 bytes, as two words each. */
static void ik_clear_pairs(unsigned char *line, const unsigned char *members, ik_size count) {
    ik_u64 *restrict out = (ik_u64 *)line;
    for (ik_size i = 0; i < count; ++i) {
        const ik_u64 kept = (ik_u64)members[i] - 1;
        out[2 * i] &= kept;
        out[2 * i + 1] &= kept;
    }
}

static void ik_clear_rows_of_pairs(const ik_rows *rows, ik_size first, ik_size last) {
    const ik_size columns = rows->columns;
    unsigned char members[IK_SELECT_COLUMNS];
    for (ik_size row = first; row < last; ++row) {
        const float *restrict uniforms = rows->uniforms + row * rows->pitch;
        float *restrict missing = rows->missing;
        const float left = ik_rows_left(rows, row);
        for (ik_size i = 0; i < columns; ++i) {
            const int member = uniforms[i] * left < missing[i];
            missing[i] -= member ? 1.0f : 0.0f;
            members[i] = (unsigned char)member;
        }
        ik_clear_pairs(rows->out + (rows->offset + (ik_i64)row) * rows->row_stride, members, columns);
    }
}

/* Rows that are adjacent in memory, or lie anyhow: the members are found first, column after column is cleared then. */
static void ik_clear_columns(ik_rows rows, ik_size first, ik_size last, ik_size width, int aligned) {
    unsigned char found[IK_SELECT_TILE][IK_SELECT_TILE];
    unsigned char turned[IK_SELECT_TILE][IK_SELECT_TILE];
    const int adjacent = aligned && rows.row_stride == (ik_i64)width;
    const ik_size columns = rows.columns;
    for (ik_size start = first; start < last; start += IK_SELECT_TILE) {
        const ik_size height = last - start < IK_SELECT_TILE ? last - start : IK_SELECT_TILE;
        for (ik_size row = 0; row < height; ++row) {
            const float *restrict uniforms = rows.uniforms + (start + row) * rows.pitch;
            float *restrict missing = rows.missing;
            unsigned char *restrict members = found[row];
            const float left = ik_rows_left(&rows, start + row);
            for (ik_size i = 0; i < columns; ++i) {
                const int member = uniforms[i] * left < missing[i];
                missing[i] -= member ? 1.0f : 0.0f;
                members[i] = (unsigned char)member;
            }
        }
        for (ik_size i = 0; i < columns; ++i)
            for (ik_size row = 0; row < height; ++row) turned[i][row] = found[row][i];
        for (ik_size i = 0; i < columns; ++i) {
            unsigned char *line =
                rows.out + (rows.offset + (ik_i64)start) * rows.row_stride + (ik_i64)i * rows.column_stride;
            if (adjacent && width == 1) ik_clear_line_ik_u8(line, turned[i], height);
            else if (adjacent && width == 2) ik_clear_line_ik_u16(line, turned[i], height);
            else if (adjacent && width == 4) ik_clear_line_ik_u32(line, turned[i], height);
            else if (adjacent && width == 8) ik_clear_line_ik_u64(line, turned[i], height);
            else if (adjacent) ik_clear_pairs(line, turned[i], height);
            else
                for (ik_size row = 0; row < height; ++row)
                    if (turned[i][row]) memset(line + (ik_i64)row * rows.row_stride, 0, width);
        }
    }
}

/* Rows that the output has. */
static void ik_clear_any_rows(const ik_rows *rows, ik_size first, ik_size last, ik_size width, int in_rows, int aligned) {
    if (!in_rows) ik_clear_columns(*rows, first, last, width, aligned);
    else if (width == 1) ik_clear_rows_ik_u8(rows, first, last);
    else if (width == 2) ik_clear_rows_ik_u16(rows, first, last);
    else if (width == 4) ik_clear_rows_ik_u32(rows, first, last);
    else if (width == 8) ik_clear_rows_ik_u64(rows, first, last);
    else ik_clear_rows_of_pairs(rows, first, last);
}

void IK_PASTE(ik_select_, IK_ISA)(const ik_selection *all) {
    const ik_size width = all->width;
    const ik_u64 bits = (ik_u64)(ik_size)all->out | (ik_u64)all->row_stride | (ik_u64)all->column_stride;
    const int aligned = bits % (width < 8 ? width : 8) == 0;
    const int in_rows = aligned && all->column_stride == (ik_i64)width;
    const ik_size most = in_rows ? IK_SELECT_COLUMNS : IK_SELECT_TILE;
    const ik_i64 step = all->step, out_rows = (ik_i64)all->out_rows, height = (ik_i64)all->rows;
    float missing[IK_SELECT_COLUMNS];
    for (ik_u64 block = 0; block < all->blocks; ++block) {
        const ik_i64 offset = (ik_i64)block * all->block_rows + all->first;
        /* Of these rows the first one that the output has, and its number there. */
        const ik_i64 number = offset > 0 ? (offset + step - 1) / step : 0;
        const ik_i64 start = number < out_rows ? number * step - offset : height;
        const ik_i64 low = start < height ? start : height;
        for (ik_size column = 0; column < all->columns; column += most) {
            const ik_size columns = all->columns - column < most ? all->columns - column : most;
            unsigned char *counts = all->missing + block * all->columns + column;
            ik_rows rows;
            rows.uniforms = all->uniforms + block * all->columns + column;
            rows.pitch = all->blocks * all->columns;
            rows.missing = missing;
            rows.columns = columns;
            rows.left = block + 1 < all->blocks ? all->left : all->left_in_last;
            rows.row_stride = all->row_stride;
            rows.column_stride = all->column_stride;
            rows.out = all->out + (ik_i64)column * all->column_stride;
            rows.offset = number - low;
            for (ik_size i = 0; i < columns; ++i) missing[i] = (float)counts[i];
            ik_count_rows(&rows, 0, (ik_size)low);
            ik_i64 done = low;
            if (step == 1) {
                const ik_i64 end = out_rows - rows.offset;
                done = end < low ? low : end < height ? end : height;
                ik_clear_any_rows(&rows, (ik_size)low, (ik_size)done, width, in_rows, aligned);
            } else {
                for (ik_i64 row = low; row < height && rows.offset + row < out_rows; row += step) {
                    ik_count_rows(&rows, (ik_size)done, (ik_size)row);
                    ik_clear_any_rows(&rows, (ik_size)row, (ik_size)row + 1, width, in_rows, aligned);
                    done = row + 1;
                    rows.offset -= step - 1;
                }
            }
            ik_count_rows(&rows, (ik_size)done, (ik_size)height);
            for (ik_size i = 0; i < columns; ++i) counts[i] = (unsigned char)missing[i];
        }
    }
}

#endif
