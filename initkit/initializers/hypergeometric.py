"""Hypergeometric numbers: how many members of a random subset are among the first of its rows.

Where they spread little, by the inverse of the distribution function; where much, by rejection, whose cost
does not grow with the spread. Both are made number by number, so that each is the same beside whatever
others.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from initkit.kernels import elementary

Array = np.ndarray[Any, Any]

# From this variance on, rejection takes less time than tables.
LARGE_VARIANCE = 1000.0
# So many are refused once in 10**30 times.
TRIALS = 64
# Probabilities are compared in so many bits.
_BITS = 32
# So many standard deviations, and more where the law is lopsided, leave out less than these bits can tell.
_DEVIATIONS = 7
_MARGIN = 8
# Sizes of subsets to tabulate at a time: all arrays of it take some 2 MB.
_SIZES_AT_ONCE = 128
# Stadlober's hat for the ratio of uniforms: twice sqrt(2/e) and 3 - 2·sqrt(3/e).
_HAT_SLOPE = 1.7155277699214135
_HAT_OFFSET = 0.8989161620588988


def variance(rows: int, left: int, members: Any) -> Any:
    """The variance of the number.

    Formula: `m/N·(N - m)/N·L·(N - L)/(N - 1)`, with the arguments in the order below `N`, `L`, `m`.

    Args:
        rows: All rows, 2 or more.
        left: The first rows.
        members: Int64 array, the sizes of the subsets.

    Returns:
        Float64 array of that shape.

    Example:
        >>> float(variance(4, 2, np.array(2)))
        0.3333333333333333
    """
    m = members.astype("float64")
    return m / rows * ((rows - m) / rows) * left * ((rows - left) / (rows - 1))


def by_inversion(xp: Any, rows: int, left: int, members: Any, uniforms: Any) -> Any:
    """Numbers of any variance, by the inverse of the distribution function.

    Formula: `P(x) = C(left, x)·C(rows - left, m - x)/C(rows, m)`; the least `x` with
    `floor(2³²·P(X <= x) + 1/2) > floor(2³²·u)`.

    Args:
        xp: The array library.
        rows: All rows.
        left: The first rows.
        members: Int64 array, the sizes `m` of the subsets, up to `rows`.
        uniforms: Float64 array of the same shape, the `u`, in `[0, 1)`.

    Returns:
        Int64 array of that shape.

    Example:
        >>> by_inversion(np, 256, 128, np.array([100, 256]), np.array([0.5, 0.5])).tolist()
        [50, 128]
    """
    low = int(members.min())
    present = xp.zeros(int(members.max()) - low + 1, np.bool_)
    present[members - low] = True
    # By way of a list, which every array library can make.
    sizes = np.flatnonzero(np.asarray(present.tolist())) + low
    line = (xp.cumsum(present) - 1)[members - low]
    words = (uniforms * 2.0**_BITS).astype(np.int64)
    if len(sizes) <= _SIZES_AT_ONCE:
        return _inverse(xp, rows, left, sizes, line, words)
    found = xp.empty(members.shape, np.int64)
    for first in range(0, len(sizes), _SIZES_AT_ONCE):
        some = (line >= first) & (line < first + _SIZES_AT_ONCE)
        chunk = sizes[first : first + _SIZES_AT_ONCE]
        found[some] = _inverse(xp, rows, left, chunk, line[some] - first, words[some])
    return found


def _inverse(xp: Any, rows: int, left: int, sizes: Array, line: Any, words: Any) -> Any:
    """The numbers for some distinct sizes, of which `line` tells the one that is meant."""
    least, table = _distribution(rows, left, sizes)
    ranked = xp.asarray(table.reshape(-1))
    position = xp.searchsorted(ranked, words + (line << _BITS), side="right")
    return xp.asarray(least)[line] + position - line * table.shape[1]


def _distribution(rows: int, left: int, sizes: Array) -> tuple[Array, Array]:
    """The distribution functions, a line for each size, in integers that go on rising from line to line.

    Each line is made by itself, in a fixed order, so that it is the same beside whatever others.
    """
    right = rows - left
    # In float64, since the product of two integers can be too long for 64 bits.
    mode = np.floor((left + 1.0) * (sizes + 1.0) / (rows + 2.0)).astype(np.int64)
    spread = sizes * (left / rows) * (right / rows) * (rows - sizes) / max(rows - 1, 1)
    margin = (_DEVIATIONS * np.sqrt(spread)).astype(np.int64) + _MARGIN
    least = np.maximum(np.maximum(sizes - right, 0), mode - margin)
    most = 2 * (int(_DEVIATIONS * sqrt(float(spread.max()))) + _MARGIN)
    # Float64 has these products of integers to rounding, and past the last possible value they are 0.
    m = sizes[:, None].astype(np.float64)
    x = (least[:, None] + np.arange(most)).astype(np.float64)
    ratios = np.maximum((left - x) * (m - x), 0.0) / ((x + 1.0) * (right - m + x + 1.0))
    # A line ends at its own margin, or a wider neighbour would change its total.
    ratios[np.arange(most) >= 2 * margin[:, None]] = 0.0
    weights = np.ones((len(sizes), most + 1))
    np.multiply.accumulate(ratios, axis=1, out=weights[:, 1:])
    totals = np.add.accumulate(weights, axis=1)
    shares = np.floor(totals / totals[:, -1:] * 2.0**_BITS + 0.5).astype(np.int64)
    return least, shares + (np.arange(len(sizes))[:, None] << _BITS)


def by_rejection(xp: Any, rows: int, left: int, members: Any, trial: Callable[[int, Any], Any]) -> Any:
    """Numbers of large variance, by the ratio of uniforms.

    Formula: with `V` the variance, `h = 1.7155277699214135·√(V + 1/2) + 0.8989161620588988`, and float64
        uniform
    values `u` and `v` of trial after trial, `x = floor(m·left/rows + 1/2 + h·(v - 1/2)/(1 - u))`, until `x`
    is possible and `2·log(1 - u) <= log(P(x)/P(M))`, `M = floor((left + 1)(m + 1)/(rows + 2))`; `M` after 64.

    Args:
        xp: The array library.
        rows: All rows.
        left: The first rows.
        members: Int64 array of one axis, the sizes `m` of the subsets, whose variance is `LARGE_VARIANCE` or
            more.
        trial: Called with the number of a trial and the positions in `members` that need it; gives float64
            values of shape `(2, positions)`, in `[0, 1)`.

    Returns:
        Int64 array of that shape.

    Reference:
        Stadlober, "The ratio of uniforms approach for generating discrete random variates", 1990.
    """
    m, right = members.astype(np.float64), float(rows - left)
    mode = xp.floor((left + 1.0) * (m + 1.0) / (rows + 2.0))
    center = m * (left / rows) + 0.5
    width = _HAT_SLOPE * xp.sqrt(variance(rows, left, members) + 0.5) + _HAT_OFFSET
    least, most = xp.maximum(m - right, 0.0), xp.minimum(m, float(left))
    found = mode.astype(np.int64)
    pending = xp.arange(len(members))
    for number in range(TRIALS):
        u, v = trial(number, pending)
        u = 1.0 - u
        x = xp.floor(center[pending] + width[pending] * (v - 0.5) / u)
        possible = (x >= least[pending]) & (x <= most[pending])
        kept, x, u = pending[possible], x[possible], u[possible]
        share = log_share(xp, left, right, m[kept], mode[kept], x)
        taken = 2.0 * elementary.log(xp, u) <= share
        found[kept[taken]] = x[taken].astype(np.int64)
        refused = xp.ones(len(pending), np.bool_)
        refused[xp.flatnonzero(possible)[taken]] = False
        pending = pending[refused]
        if not len(pending):
            break
    return found


def log_share(xp: Any, left: Any, right: Any, m: Any, mode: Any, x: Any) -> Any:
    """`log(P(x)/P(mode))` of the hypergeometric law.

    Args:
        xp: The array library.
        left: The first rows.
        right: The others.
        m: Float64 array, the size of the subset.
        mode: Float64 array, a possible number.
        x: Float64 array, another possible number.

    Returns:
        Float64 array of that shape.
    """
    # Of differences alone: logarithms of the factorials themselves are so large that rounding would show.
    moved = x - mode
    cells = (mode + 1.0, right - m + mode + 1.0, left - mode + 1.0, m - mode + 1.0)
    # log Γ(a + d) - log Γ(a) = (a + d - 1/2)·log(1 + d/a) + d·log(a) - d, and what Stirling's series adds;
    # the third term vanishes in the sum, and of the second a ratio near 1 is left.
    total = moved * elementary.log(xp, (cells[2] / cells[0]) * (cells[3] / cells[1]))
    for cell, change in zip(cells, (moved, moved, -moved, -moved), strict=True):
        after = cell + change
        total = total - (after - 0.5) * elementary.log1p(xp, change / cell)
        total = total - (_stirling(after) - _stirling(cell))
    return total


def _stirling(a: Any) -> Any:
    """What `log Γ(a)` has beyond `(a - 1/2)·log(a) - a + log(2π)/2`, for `a` not small."""
    inverse = 1.0 / a
    square = inverse * inverse
    return inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))
