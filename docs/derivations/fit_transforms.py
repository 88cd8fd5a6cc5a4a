"""Where the coefficients in `initkit/kernels/constants.py` come from.

Each function is fitted by the Remez exchange in 50 digits: a polynomial or a rational function with the least
possible largest error, weighted by what an error of the function does to the value that is drawn. Float64
coefficients are the nearest doubles. Float32 coefficients are the nearest floats, improved by trying their
neighbours, one and two at a time, until no change makes the largest error smaller.

Run it from the root of the repository; it needs mpmath and takes about a minute:

    python docs/derivations/fit_transforms.py

It prints every block of coefficients, lowest power first, with the largest weighted error that the rounded
coefficients leave (in exact arithmetic; the errors of whole transforms are measured in the tests).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import mpmath as mp
import numpy as np

mp.mp.dps = 50

Point = tuple[mp.mpf, mp.mpf, mp.mpf]  # argument, value, weight of an error of the value
Coefficients = list[mp.mpf]

# The least tail probability that the central formula serves; the tail formula takes over below it.
CENTRAL_LEAST_P = mp.mpf(11) / 8192
CENTRAL_RATIO = mp.mpf(5) / 2
POINTS = 500


# ---- Minimax fits ------------------------------------------------------------------------------------------


def horner(coefficients: Coefficients, x: mp.mpf) -> mp.mpf:
    """The polynomial with these coefficients, lowest power first."""
    total = mp.mpf(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def linear_rows(points: list[Point], upper: int, lower: int) -> list[list[mp.mpf]]:
    """Rows of `N(x) - f·(D(x) - 1)` in the unknown coefficients of `N` and, but for its first, of `D`."""
    rows = []
    for x, f, _ in points:
        powers = [mp.mpf(1)]
        for _ in range(max(upper, lower)):
            powers.append(powers[-1] * x)
        rows.append(powers[: upper + 1] + [-f * power for power in powers[1 : lower + 1]])
    return rows


def least_squares(points: list[Point], upper: int, lower: int) -> tuple[Coefficients, Coefficients]:
    """A first rational fit: linearised least squares, each time weighted by the last denominator."""
    chosen = points[:: max(1, len(points) // (6 * (upper + lower + 2)))] + points[-1:]
    denominator = [mp.mpf(1)]
    for _ in range(6 if lower else 1):
        weights = [w / horner(denominator, x) for x, _, w in chosen]
        rows = linear_rows(chosen, upper, lower)
        rows = [[w * c for c in row] for w, row in zip(weights, rows, strict=True)]
        right = [w * f for w, (_, f, _) in zip(weights, chosen, strict=True)]
        solution, _ = mp.qr_solve(mp.matrix(rows), mp.matrix(right))
        numerator = list(solution[: upper + 1])
        denominator = [mp.mpf(1), *solution[upper + 1 :]]
    return numerator, denominator


def alternation(errors: list[mp.mpf], wanted: int) -> list[int]:
    """The places of the largest error in each run of one sign, thinned to `wanted` alternating ones."""
    places = []
    current = 0
    for i, error in enumerate(errors):
        if (error > 0) != (errors[current] > 0):
            places.append(current)
            current = i
        elif abs(error) > abs(errors[current]):
            current = i
    places.append(current)
    while len(places) > wanted:
        if len(places) == wanted + 1:
            places.pop(0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1)
        else:
            larger = [max(abs(errors[a]), abs(errors[b])) for a, b in pairwise(places)]
            smallest = larger.index(min(larger))
            del places[smallest : smallest + 2]
    return places


def levelled(
    points: list[Point], upper: int, lower: int, sign: int
) -> tuple[Coefficients, Coefficients, mp.mpf]:
    """The rational function whose weighted errors at these points are all equal, with alternating signs."""
    denominator, level = [mp.mpf(1)], mp.mpf(0)
    for _ in range(25):
        rows = []
        for i, (row, (x, _, w)) in enumerate(zip(linear_rows(points, upper, lower), points, strict=True)):
            rows.append([*row, sign * (-1) ** i / w * horner(denominator, x)])
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([f for _, f, _ in points]))
        numerator = list(solution[: upper + 1])
        denominator = [mp.mpf(1), *solution[upper + 1 : upper + lower + 1]]
        previous, level = level, solution[upper + lower + 1]
        if not lower or abs(level - previous) <= abs(level) * mp.mpf("1e-4"):
            break
    return numerator, denominator, level


def remez(points: list[Point], upper: int, lower: int) -> tuple[Coefficients, Coefficients]:
    """The rational function of degrees `upper` over `lower` with the least largest weighted error."""

    def errors_of(numerator: Coefficients, denominator: Coefficients) -> list[mp.mpf]:
        return [w * (f - horner(numerator, x) / horner(denominator, x)) for x, f, w in points]

    best = least_squares(points, upper, lower)
    errors = errors_of(*best)
    least = max(map(abs, errors))
    for _ in range(30):
        places = alternation(errors, upper + lower + 2)
        if len(places) < upper + lower + 2:
            break
        sign = 1 if errors[places[0]] > 0 else -1
        numerator, denominator, level = levelled([points[i] for i in places], upper, lower, sign)
        errors = errors_of(numerator, denominator)
        largest = max(map(abs, errors))
        if largest < least:
            least, best = largest, (numerator, denominator)
        if largest < abs(level) * mp.mpf("1.01"):
            break
    return best


# ---- Rounding ----------------------------------------------------------------------------------------------


@dataclass
class Fit:
    """A numerator and, without its leading 1, a denominator (empty for polynomials)."""

    numerator: list[float]
    denominator: list[float]
    error: float


def weighted_error(points: list[Point], numerator: list[float], denominator: list[float]) -> float:
    """The largest weighted error of exactly these coefficients."""
    exact = [mp.mpf(c) for c in numerator], [mp.mpf(c) for c in denominator] + [mp.mpf(1)]
    return float(max(abs(w * (f - horner(exact[0], x) / horner(exact[1], x))) for x, f, w in points))


def fit(points: list[Point], upper: int, lower: int, single: bool) -> Fit:
    """Fit, scale the denominator's leading coefficient to 1, and round to float32 or float64."""
    numerator, denominator = remez(points, upper, lower)
    scale = denominator[-1]
    scaled = [float(c / scale) for c in numerator + denominator[:-1]]
    if single:
        scaled = improved(points, [float(np.float32(c)) for c in scaled], upper)
    top, bottom = scaled[: upper + 1], scaled[upper + 1 :]
    return Fit(top, bottom, weighted_error(points, top, bottom))


def improved(points: list[Point], rounded: list[float], upper: int) -> list[float]:
    """Move float32 coefficients to neighbours, at most two at a time, while that makes the error smaller."""
    x, f, w = (np.array([float(point[i]) for point in points]) for i in range(3))

    def error_of(coefficients: np.ndarray) -> float:
        top = np.polynomial.polynomial.polyval(x, coefficients[: upper + 1])
        bottom = np.polynomial.polynomial.polyval(x, np.append(coefficients[upper + 1 :], 1.0))
        return float(np.abs(w * (f - top / bottom)).max())

    current = np.array(rounded)
    least = error_of(current)
    while True:
        start = least
        ulps = np.spacing(current.astype(np.float32)).astype(np.float64)
        moves = [((i, a),) for i in range(len(current)) for a in (-2, -1, 1, 2)]
        for i, j in combinations(range(len(current)), 2):
            moves += [((i, a), (j, b)) for a, b in product((-2, -1, 1, 2), repeat=2)]
        for move in moves:
            trial = current.copy()
            for i, steps in move:
                trial[i] = np.float32(trial[i] + steps * ulps[i])
            if (error := error_of(trial)) < least:
                least, current = error, trial
        if least == start:
            return [float(c) for c in current]


# ---- The functions -----------------------------------------------------------------------------------------


def chebyshev(low: mp.mpf | float, high: mp.mpf | float) -> list[mp.mpf]:
    """Points from `low` to `high`, denser at both ends, ends included."""
    middle, half = (mp.mpf(high) + low) / 2, (mp.mpf(high) - low) / 2
    return [middle - half * mp.cos(mp.pi * i / (POINTS - 1)) for i in range(POINTS)]


def tail_log(x: mp.mpf) -> mp.mpf:
    """`log(1 - Phi(x))`."""
    if x < 20:
        return mp.log(mp.erfc(x / mp.sqrt(2)) / 2)
    fraction = x
    for k in range(int(4000 / x**2) + 60, 0, -1):
        fraction = x + k / fraction
    return -x * x / 2 - mp.log(mp.sqrt(2 * mp.pi) * fraction)


def log_single() -> list[Point]:
    """`-2·log(1 - h/2) = h + h²·Q(h)`, `0 <= h <= 1`: errors relative to the whole."""
    whole = {h: -2 * mp.log(1 - h / 2) for h in chebyshev(mp.mpf("1e-6"), 1)}
    return [(h, (f - h) / h**2, h**2 / f) for h, f in whole.items()]


def log_double() -> list[Point]:
    """`4·atanh(s) = 4·s + s·z·R(z)`, `z = s²`, `0 <= s <= 1/3`: errors relative to the whole."""
    whole = {z: 4 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) for z in chebyshev(mp.mpf("1e-8"), mp.mpf(1) / 9)}
    return [(z, (f - 4) / z, z / f) for z, f in whole.items()]


def sine() -> list[Point]:
    """`sin(π/2·x) = x·S(x²)`, `|x| <= 1/2`: relative errors."""
    whole = {z: mp.sin(mp.pi / 2 * mp.sqrt(z)) / mp.sqrt(z) for z in chebyshev(mp.mpf("1e-12"), 0.25)}
    return [(z, f, 1 / f) for z, f in whole.items()]


def cosine() -> list[Point]:
    """`cos(π/2·x) = 1 + x²·C(x²)`, `|x| <= 1/2`: relative errors."""
    whole = {z: mp.cos(mp.pi / 2 * mp.sqrt(z)) for z in chebyshev(mp.mpf("1e-8"), 0.25)}
    return [(z, (f - 1) / z, z / f) for z, f in whole.items()]


def central() -> list[Point]:
    """`x = q·(2.5 + N(r)/D(r))`, `r = √(p - p²)`, `q = 1/2 - p`, `p = Phi(-x)`: errors relative to `x`.

    The ratio is `√(2π) = 2.507` at `x = 0`. With most of it taken off, the fraction's rounding errors are
    small where they would count most.
    """
    points = []
    for x in chebyshev(mp.mpf("1e-5"), mp.findroot(lambda x: mp.ncdf(-x) - CENTRAL_LEAST_P, 3)):
        q = mp.erf(x / mp.sqrt(2)) / 2
        points.append((mp.sqrt(0.25 - q * q), x / q - CENTRAL_RATIO, q / x))
    return points


def tail() -> list[Point]:
    """`x = t + s·G(s)`, `s = 1/t`, `t = √(-2·log(1 - Phi(x)))`, from `CENTRAL_LEAST_P` down to nothing."""
    points = []
    least = mp.findroot(lambda x: mp.ncdf(-x) - CENTRAL_LEAST_P, 3)
    for c in chebyshev(mp.mpf("1e-2"), 1):
        x = least / c**2
        t = mp.sqrt(-2 * tail_log(x))
        points.append((1 / t, (x - t) * t, 1 / (t * x)))
    return points


def mills() -> list[Point]:
    """`x·(1 - Phi(x))/phi(x) = W(1/x²)`, `x >= 3`: relative errors."""
    points = []
    for z in chebyshev(mp.mpf("1e-8"), mp.mpf(1) / 9):
        x = 1 / mp.sqrt(z)
        w = x * mp.exp(tail_log(x) + x * x / 2) * mp.sqrt(2 * mp.pi)
        points.append((z, w, 1 / w))
    return points


# Name, points, degrees of numerator and denominator, whether the coefficients are float32.
BLOCKS: list[tuple[str, Callable[[], list[Point]], int, int, bool]] = [
    ("LOG32", log_single, 7, 0, True),
    ("SIN32", sine, 3, 0, True),
    ("COS32", cosine, 2, 0, True),
    ("CENTRAL32", central, 4, 5, True),
    ("TAIL32", tail, 4, 4, True),
    ("LOG64", log_double, 8, 0, False),
    ("SIN64", sine, 6, 0, False),
    ("COS64", cosine, 6, 0, False),
    ("CENTRAL64", central, 9, 10, False),
    ("TAIL64", tail, 5, 5, False),
    ("MILLS64", mills, 6, 6, False),
]


def show(name: str, coefficients: list[float], single: bool) -> None:
    """Print one tuple as it stands in `constants.py`."""
    texts = [str(np.float32(c)) if single else repr(c) for c in coefficients]
    print(f"{name} = (\n    " + ",\n    ".join(texts) + ",\n)")


def gauss_legendre(order: int) -> list[tuple[mp.mpf, mp.mpf]]:
    """The positive nodes of Gauss-Legendre quadrature on [-1, 1], smallest first, and their weights."""
    rule = []
    for i in range(order // 2, 0, -1):
        node = mp.findroot(lambda x: mp.legendre(order, x), mp.cos(mp.pi * (i - 0.25) / (order + 0.5)))
        slope = order * (node * mp.legendre(order, node) - mp.legendre(order - 1, node)) / (node**2 - 1)
        rule.append((node, 2 / ((1 - node**2) * slope**2)))
    return rule


def main() -> None:
    """Fit and print everything."""
    for name, points_of, upper, lower, single in BLOCKS:
        result = fit(points_of(), upper, lower, single)
        print(f"# {str(points_of.__doc__).splitlines()[0]} Largest error {result.error:.1e}.")
        show(f"{name}_N" if lower else name, result.numerator, single)
        if lower:
            show(f"{name}_D", result.denominator, single)
    print("# Quadrature in normal_law.py: node, weight.")
    for node, weight in gauss_legendre(10):
        print(f"    ({float(node)!r}, {float(weight)!r}),")


if __name__ == "__main__":
    main()
