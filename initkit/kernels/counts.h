/* How many members the blocks of rows have of random subsets; included by fill.c, so compiled once for each instruction
 * set.
 *
 * The members are counted down a tree, as initkit/initializers/subsets.py says, which is the twin: a node's members in
 * its left half are a hypergeometric number, by inversion where it spreads little and by rejection where much. The
 * operations are those of hypergeometric.py and elementary.py there, in their order.
 */
#ifndef IK_COUNTS_H
#define IK_COUNTS_H

#include "fill.h"

#include <string.h>

void IK_PASTE(ik_fill_, IK_ISA)(const ik_request *request, ik_u64 first, ik_u64 count, void *out);

/* From this variance on, numbers are made by rejection; what is refused so often is the mode. */
#define IK_LARGE_VARIANCE 1000.0
#define IK_TRIALS 64
#define IK_LEVELS 4294967296.0
#define IK_DEVIATIONS 7
#define IK_MARGIN 8
/* Distribution functions side by side, and the room for one: 2 * (7 * sqrt(1000) + 8) steps are 458. */
#define IK_LANES_OF_SIZES 8
#define IK_STEPS 464
/* Sizes that differ by less are sorted at a time. */
#define IK_SIZES 256
/* Columns for which trials are made at a time. */
#define IK_TRIED 512

/* The nodes of a level, each with as many rows. */
typedef struct {
    ik_i64 rows;
    ik_i64 left; /* rows of a left half */
    const ik_i64 *rights; /* first blocks of the right halves, ascending */
    ik_size number;
    const ik_i64 *members; /* of axes (number, columns) */
    ik_i64 *found; /* the members in the left halves, of the same axes */
} ik_nodes;

/* ---- Uniform values ------------------------------------------------------------------------------------- */

/* Uniform float64 values: `lines` times `count` of them. */
static void ik_draw_uniform(const ik_counting *all, const ik_u32 identity[4], ik_u64 offset, ik_u64 lines, ik_i64 pitch,
                            ik_u64 count, double *out) {
    ik_request request;
    memcpy(request.identity, identity, sizeof request.identity);
    request.distribution = IK_UNIFORM;
    request.output = IK_FLOAT64;
    request.axes = 2;
    request.streaming = 0;
    memset(request.parameters, 0, sizeof request.parameters);
    memcpy(request.parameters, all->uniform, sizeof all->uniform);
    request.offset = offset;
    request.counts[0] = lines;
    request.counts[1] = count;
    request.strides[0] = pitch;
    request.strides[1] = all->column_step;
    IK_PASTE(ik_fill_, IK_ISA)(&request, 0, lines * count, out);
}

/* One value for every node and column; nodes at equal distances are drawn together. */
static void ik_draw_splits(const ik_counting *all, const ik_nodes *nodes, double *out) {
    const ik_i64 *rights = nodes->rights;
    for (ik_size first = 0; first < nodes->number;) {
        ik_size end = first + 1;
        const ik_i64 step = end < nodes->number ? rights[end] - rights[first] : 1;
        while (end < nodes->number && rights[end] - rights[end - 1] == step) ++end;
        const ik_u64 offset = (ik_u64)(rights[first] * all->all_columns + all->first_column);
        ik_draw_uniform(all, all->splits, offset, end - first, step * all->all_columns, all->columns,
                        out + first * all->columns);
        first = end;
    }
}

/* ---- Inversion ------------------------------------------------------------------------------------------ */

/* Distribution functions of some sizes: `totals` of each rise to that in its step `last`, which is all of it. */
typedef struct {
    ik_i64 least[IK_LANES_OF_SIZES];
    ik_size last[IK_LANES_OF_SIZES];
    double totals[IK_STEPS][IK_LANES_OF_SIZES];
} ik_distributions;

static void ik_distribute(ik_distributions *made, ik_i64 all_rows, ik_i64 all_left, const ik_i64 sizes[]) {
    enum { LANES = IK_LANES_OF_SIZES };
    const double rows = (double)all_rows, left = (double)all_left, right = (double)(all_rows - all_left);
    const double others = all_rows > 1 ? (double)(all_rows - 1) : 1.0;
    double m[LANES], least[LANES], end[LANES], weight[LANES], total[LANES];
    ik_size most = 0;
    for (int lane = 0; lane < LANES; ++lane) {
        m[lane] = (double)sizes[lane];
        const double mode = floor((left + 1.0) * (m[lane] + 1.0) / (rows + 2.0));
        const double spread = m[lane] * (left / rows) * (right / rows) * (double)(all_rows - sizes[lane]) / others;
        const ik_i64 margin = (ik_i64)(IK_DEVIATIONS * sqrt(spread)) + IK_MARGIN;
        const ik_i64 forced = sizes[lane] > all_rows - all_left ? sizes[lane] - (all_rows - all_left) : 0;
        made->least[lane] = (ik_i64)mode - margin > forced ? (ik_i64)mode - margin : forced;
        made->last[lane] = (ik_size)(2 * margin) < IK_STEPS ? (ik_size)(2 * margin) : IK_STEPS - 1;
        least[lane] = (double)made->least[lane];
        end[lane] = (double)made->last[lane];
        weight[lane] = total[lane] = made->totals[0][lane] = 1.0;
        most = made->last[lane] > most ? made->last[lane] : most;
    }
    for (ik_size step = 0; step < most; ++step) {
        double *restrict totals = made->totals[step + 1];
#if defined(__GNUC__) && !defined(__clang__)
/* Unrolled, it would stay scalar code. */
#pragma GCC unroll 1
#endif
        for (int lane = 0; lane < LANES; ++lane) {
            const double x = least[lane] + (double)step;
            const double above = (left - x) * (m[lane] - x);
            const double below = (x + 1.0) * (right - m[lane] + x + 1.0);
            const double ratio = (above > 0.0 ? above : 0.0) / below;
            weight[lane] = weight[lane] * ((double)step < end[lane] ? ratio : 0.0);
            total[lane] = total[lane] + weight[lane];
            totals[lane] = total[lane];
        }
    }
}

/* The least number whose share of the whole, in so many levels, is above the uniform value's. */
static ik_i64 ik_inverse(const ik_distributions *made, int lane, double uniform) {
    const double *totals = &made->totals[0][lane];
    const double word = (double)(ik_i64)(uniform * IK_LEVELS), all = totals[made->last[lane] * IK_LANES_OF_SIZES];
    /* Nearly; a division for each step would take most of the time. */
    const double goal = (word + 0.5) * (1.0 / IK_LEVELS) * all;
    ik_size found = 0, length = made->last[lane] + 1;
    while (length > 1) {
        const ik_size half = length / 2;
        found += totals[(found + half - 1) * IK_LANES_OF_SIZES] < goal ? half : 0;
        length -= half;
    }
#define IK_ABOVE(step) (totals[(step) * IK_LANES_OF_SIZES] / all * IK_LEVELS + 0.5 >= word + 1.0)
    while (found > 0 && IK_ABOVE(found - 1)) --found;
    while (!IK_ABOVE(found)) ++found;
#undef IK_ABOVE
    return made->least[lane] + (ik_i64)found;
}

/* The numbers at these places, which are in the order of the sizes: one table serves all numbers of a size. */
static void ik_invert_sorted(const ik_nodes *nodes, const double *uniforms, const ik_u32 *places, ik_size count) {
    ik_distributions made;
    for (ik_size first = 0; first < count;) {
        ik_i64 sizes[IK_LANES_OF_SIZES];
        ik_size ends[IK_LANES_OF_SIZES], end = first;
        for (int lane = 0; lane < IK_LANES_OF_SIZES; ++lane) {
            sizes[lane] = nodes->members[places[end < count ? end : count - 1]];
            while (end < count && nodes->members[places[end]] == sizes[lane]) ++end;
            ends[lane] = end;
        }
        ik_distribute(&made, nodes->rows, nodes->left, sizes);
        for (int lane = 0; lane < IK_LANES_OF_SIZES; ++lane)
            for (; first < ends[lane]; ++first)
                nodes->found[places[first]] = ik_inverse(&made, lane, uniforms[places[first]]);
    }
}

/* The numbers at these places, which are overwritten, by way of as many others. */
static void ik_by_inversion(const ik_nodes *nodes, const double *uniforms, ik_u32 *places, ik_u32 *sorted,
                            ik_size count) {
    while (count) {
        ik_u32 starts[IK_SIZES + 1] = {0};
        ik_i64 low = nodes->members[places[0]];
        for (ik_size i = 1; i < count; ++i) low = nodes->members[places[i]] < low ? nodes->members[places[i]] : low;
        for (ik_size i = 0; i < count; ++i)
            if (nodes->members[places[i]] - low < IK_SIZES) ++starts[nodes->members[places[i]] - low + 1];
        for (int size = 0; size < IK_SIZES; ++size) starts[size + 1] += starts[size];
        const ik_size near = starts[IK_SIZES];
        ik_size far = 0;
        for (ik_size i = 0; i < count; ++i) {
            const ik_u32 place = places[i];
            const ik_i64 size = nodes->members[place] - low;
            if (size < IK_SIZES) sorted[starts[size]++] = place;
            else places[far++] = place;
        }
        ik_invert_sorted(nodes, uniforms, sorted, near);
        count = far;
    }
}

/* ---- Rejection ------------------------------------------------------------------------------------------ */

/* log(x + rest), where `rest` is lost in the rounding of that sum, of a positive normal number. */
static double ik_log(double x, double rest) {
    const double correction = rest / x;
    const ik_u64 bits = ik_bits64(x);
    const double m = ik_float64((bits & 0xFFFFFFFFFFFFFu) | ((ik_u64)1022 << 52));
    const int low = m < 0.7071067811865476;
    const double k = (double)((ik_i64)(bits >> 52) - 1022 - low);
    const double f = (low ? m + m : m) - 1.0;
    const double s = f / (2.0 + f), z = s * s;
    double sum = z * (2.0 / 23.0) + 2.0 / 21.0;
    sum = sum * z + 2.0 / 19.0;
    sum = sum * z + 2.0 / 17.0;
    sum = sum * z + 2.0 / 15.0;
    sum = sum * z + 2.0 / 13.0;
    sum = sum * z + 2.0 / 11.0;
    sum = sum * z + 2.0 / 9.0;
    sum = sum * z + 2.0 / 7.0;
    sum = sum * z + 2.0 / 5.0;
    sum = sum * z + 2.0 / 3.0;
    const double series = s * (f - z * sum);
    return k * 0.693147180559663 + (f - (series - (k * 2.8235290563031577e-13 + correction)));
}

static double ik_log1p(double x) {
    const double u = 1.0 + x;
    return x == 0.0 ? x : ik_log(u, x - (u - 1.0));
}

static double ik_stirling(double a) {
    const double inverse = 1.0 / a, square = inverse * inverse;
    return inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
}

/* log(P(x) / P(mode)) */
static double ik_log_share(double left, double right, double m, double mode, double x) {
    const double moved = x - mode;
    const double cells[4] = {mode + 1.0, right - m + mode + 1.0, left - mode + 1.0, m - mode + 1.0};
    const double changes[4] = {moved, moved, -moved, -moved};
    double total = moved * ik_log(cells[2] / cells[0] * (cells[3] / cells[1]), 0.0);
    for (int i = 0; i < 4; ++i) {
        const double after = cells[i] + changes[i];
        total = total - (after - 0.5) * ik_log1p(changes[i] / cells[i]);
        total = total - (ik_stirling(after) - ik_stirling(cells[i]));
    }
    return total;
}

static double ik_variance(double rows, double left, double factor, double m) {
    return m / rows * ((rows - m) / rows) * left * factor;
}

/* Some columns of one node, of which `pending` are the numbers. */
static void ik_by_rejection(const ik_counting *all, const ik_nodes *nodes, ik_size node, ik_size column,
                            ik_u32 *pending, ik_size count) {
    const double rows = (double)nodes->rows, left = (double)nodes->left, right = (double)(nodes->rows - nodes->left);
    const double factor = right / (double)(nodes->rows - 1), share = left / rows;
    const ik_u64 plane = (ik_u64)all->blocks * (ik_u64)all->all_columns;
    const ik_u64 place = (ik_u64)(nodes->rights[node] * all->all_columns + all->first_column);
    const ik_i64 *members = nodes->members + node * all->columns + column;
    ik_i64 *found = nodes->found + node * all->columns + column;
    double words[2][IK_TRIED];
    for (ik_size i = 0; i < count; ++i)
        found[pending[i]] = (ik_i64)floor((left + 1.0) * ((double)members[pending[i]] + 1.0) / (rows + 2.0));
    for (ik_u64 trial = 0; trial < IK_TRIALS && count; ++trial) {
        const ik_size first = pending[0], span = pending[count - 1] - first + 1;
        const ik_u64 start = (ik_u64)(column + first) * (ik_u64)all->column_step;
        ik_draw_uniform(all, all->trials, 2 * trial * plane + place + start, 2, (ik_i64)plane, span, words[0]);
        const double *seconds = words[0] + span;
        ik_size refused = 0;
        for (ik_size i = 0; i < count; ++i) {
            const ik_u32 number = pending[i];
            const double m = (double)members[number], mode = (double)found[number];
            const double width =
                1.7155277699214135 * sqrt(ik_variance(rows, left, factor, m) + 0.5) + 0.8989161620588988;
            const double u = 1.0 - words[0][number - first], v = seconds[number - first];
            const double x = floor(m * share + 0.5 + width * (v - 0.5) / u);
            const double least = m - right > 0.0 ? m - right : 0.0, most = m < left ? m : left;
            if (x >= least && x <= most && 2.0 * ik_log(u, 0.0) <= ik_log_share(left, right, m, mode, x))
                found[number] = (ik_i64)x;
            else
                pending[refused++] = number;
        }
        count = refused;
    }
}

/* ---- The tree ------------------------------------------------------------------------------------------- */

/* Halves nodes. */
static void ik_split(const ik_counting *all, const ik_nodes *nodes) {
    const double rows = (double)nodes->rows, left = (double)nodes->left;
    const double factor = (double)(nodes->rows - nodes->left) / (double)(nodes->rows - 1);
    const ik_size columns = (ik_size)all->columns, count = nodes->number * columns;
    ik_u32 *few = all->places, *sorted = all->places + all->number * columns;
    ik_size small = 0;
    for (ik_size i = 0; i < count; ++i) {
        few[small] = (ik_u32)i;
        small += ik_variance(rows, left, factor, (double)nodes->members[i]) < IK_LARGE_VARIANCE;
    }
    if (small) {
        ik_draw_splits(all, nodes, all->uniforms);
        ik_by_inversion(nodes, all->uniforms, few, sorted, small);
    }
    if (small == count) return;
    for (ik_size node = 0; node < nodes->number; ++node)
        for (ik_size column = 0; column < columns; column += IK_TRIED) {
            const ik_size end = columns - column < IK_TRIED ? columns - column : IK_TRIED;
            const ik_i64 *members = nodes->members + node * columns + column;
            ik_u32 many[IK_TRIED + 1];
            ik_size large = 0;
            for (ik_size i = 0; i < end; ++i) {
                many[large] = (ik_u32)i;
                large += ik_variance(rows, left, factor, (double)members[i]) >= IK_LARGE_VARIANCE;
            }
            ik_by_rejection(all, nodes, node, column, many, large);
        }
}

static ik_i64 ik_length(const ik_counting *all, ik_i64 first, ik_i64 number) {
    const ik_i64 end = (first + number) * all->block_rows;
    return (end < all->rows ? end : all->rows) - first * all->block_rows;
}

/* Whether one of the wanted blocks lies among so many. */
static int ik_meets(const ik_counting *all, ik_i64 first, ik_i64 number) {
    ik_size low = 0, high = (ik_size)all->number;
    while (low < high) {
        const ik_size middle = low + (high - low) / 2;
        if (all->wanted[middle] < first) low = middle + 1;
        else high = middle;
    }
    return low < all->number && all->wanted[low] < first + number;
}

/* The nodes of one power of two on the way down, and their members. */
typedef struct {
    ik_i64 *numbers;
    ik_i64 *members;
    ik_size count;
} ik_level;

/* All halves of `above` that have a wanted block, to `below`. */
static void ik_descend(const ik_counting *all, const ik_level *above, ik_level *below, int power) {
    const ik_i64 half = (ik_i64)1 << power;
    const ik_size columns = (ik_size)all->columns;
    ik_i64 *rights = all->numbers + 2 * all->number;
    for (ik_size k = 0; k < above->count; ++k) rights[k] = (2 * above->numbers[k] + 1) << power;
    ik_nodes nodes = {2 * half * all->block_rows, half * all->block_rows, rights, above->count,
                      above->members, all->found};
    const ik_i64 last = ik_length(all, 2 * above->numbers[above->count - 1] << power, 2 * half);
    if (last < nodes.rows) {
        /* The last block is short. */
        --nodes.number;
        ik_nodes short_one = {last, nodes.left, rights + nodes.number, 1, nodes.members + nodes.number * columns,
                              nodes.found + nodes.number * columns};
        ik_split(all, &short_one);
    }
    if (nodes.number) ik_split(all, &nodes);
    ik_size wanted = 0;
    below->count = 0;
    for (ik_size k = 0; k < above->count; ++k)
        for (int side = 0; side < 2; ++side) {
            const ik_i64 number = 2 * above->numbers[k] + side;
            while (wanted < all->number && all->wanted[wanted] >> power < number) ++wanted;
            if (wanted == all->number || all->wanted[wanted] >> power != number) continue;
            const ik_i64 *members = above->members + k * columns, *left = all->found + k * columns;
            ik_i64 *target = below->members + below->count * columns;
            for (ik_size i = 0; i < columns; ++i) target[i] = side ? members[i] - left[i] : left[i];
            below->numbers[below->count++] = number;
        }
}

void IK_PASTE(ik_count_, IK_ISA)(const ik_counting *all) {
    const ik_size columns = (ik_size)all->columns, size = (ik_size)all->number * columns;
    ik_level above = {all->numbers, all->members, 0}, below = {all->numbers + all->number, all->members + size, 0};
    ik_i64 *rest = all->members + 2 * size, *near = rest + columns;
    ik_i64 first = 0, number = all->blocks;
    int power = 0;
    for (ik_size i = 0; i < columns; ++i) rest[i] = all->size;
    while (all->blocks >> power >> 1) ++power;
    /* Down the right side, whose nodes have any number of blocks; the others have powers of two, so that all those of
     * one power are split together. */
    for (; power >= 0; --power) {
        const ik_i64 half = (ik_i64)1 << power;
        if (above.count) {
            ik_descend(all, &above, &below, power);
            const ik_level other = above;
            above = below;
            below = other;
        }
        if (!(number >> power)) continue;
        const ik_i64 right = first + half;
        if (number > half) {
            const ik_nodes node = {ik_length(all, first, number), half * all->block_rows, &right, 1, rest, near};
            ik_split(all, &node);
        } else {
            memcpy(near, rest, columns * sizeof *near);
        }
        if (ik_meets(all, first, half)) {
            memcpy(above.members + above.count * columns, near, columns * sizeof *near);
            above.numbers[above.count++] = first >> power;
        }
        for (ik_size i = 0; i < columns; ++i) rest[i] -= near[i];
        first = right;
        number -= half;
        /* No longer wanted, nor is anything below. */
        if (!ik_meets(all, first, number)) number = 0;
    }
    for (ik_size i = 0; i < size; ++i) all->missing[i] = (unsigned char)above.members[i];
}

#endif
