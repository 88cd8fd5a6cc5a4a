"""Products of reflectors against the same products written out, and against LAPACK's QR decomposition."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from initkit.initializers.reflectors import DrawRows, fill_columns, fill_rows

Matrix = np.ndarray[Any, Any]

DTYPES = ("float32", "float64", "complex64", "complex128")
# Within one block, just one block, several blocks; square, tall, a single column, a single value.
SIZES = ((1, 1), (2, 2), (7, 1), (7, 3), (64, 64), (65, 65), (130, 70), (210, 210), (260, 150))


def normal_rows(height: int, width: int, dtype: str, seed: int = 0) -> Matrix:
    """Standard normal values, real or complex, equal across precisions up to rounding."""
    rng = np.random.default_rng([seed, height, width])
    values = rng.standard_normal((width, height))
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal((width, height))
    return values.astype(dtype)


def drawer(rows: Matrix) -> DrawRows:
    """What gives these rows to the code under test: copies, from the diagonal on."""
    return lambda first, count: rows[first : first + count, first:].copy()


def whole(rows: Matrix) -> Matrix:
    """All columns of Q."""
    width, height = rows.shape
    out = np.full((height, width), np.nan, rows.dtype)
    fill_columns(np, out, np.arange(width), drawer(rows))
    return out


def some_rows(rows: Matrix, taken: Matrix, columns: Matrix) -> Matrix:
    """Some rows of Q, without the others."""
    out = np.full((len(taken), len(columns)), np.nan, rows.dtype)
    fill_rows(np, out, taken, columns, rows.shape[1], drawer(rows))
    return out


def reflect(x: Matrix, matrix: Matrix) -> tuple[Matrix, complex]:
    """The reflector that sends `x` to `-s·|x|` times a unit vector, applied to the last rows; and -s."""
    phase = x[0] / abs(x[0]) if x[0] else 1.0
    v = np.zeros(len(matrix), x.dtype)
    v[len(matrix) - len(x) :] = x
    v[len(matrix) - len(x)] += phase * np.linalg.norm(x)
    return matrix - np.outer(2 / np.vdot(v, v) * v, v.conj() @ matrix), -phase


def written_out(rows: Matrix) -> Matrix:
    """Q as its definition has it: reflectors applied one by one, the last first, in double precision."""
    width, height = rows.shape
    exact = rows.astype(np.result_type(rows.dtype, np.float64))
    product, signs = np.eye(height, width, dtype=exact.dtype), np.ones(width, exact.dtype)
    for k in reversed(range(width)):
        product, signs[k] = reflect(exact[k, k:], product)
    return product * signs


def tolerance(dtype: Any) -> float:
    """What rounding may do to an entry of Q, in units of 1."""
    return 2e-6 if np.dtype(dtype).itemsize <= (8 if np.dtype(dtype).kind == "c" else 4) else 4e-15


def unitarity_error(matrix: Matrix) -> float:
    """The largest entry of `QᴴQ - I`, computed in double precision."""
    exact = matrix.astype(np.result_type(matrix.dtype, np.float64))
    return float(np.abs(exact.conj().T @ exact - np.eye(matrix.shape[1])).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_columns_are_the_product_written_out(height: int, width: int, dtype: str) -> None:
    """Blocks give the product of the single reflectors, for one block and for several."""
    rows = normal_rows(height, width, dtype)
    made = whole(rows)
    assert np.abs(made - written_out(rows)).max() < tolerance(dtype)
    assert unitarity_error(made) < tolerance(dtype)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 5), (40, 17)])
def test_columns_are_the_q_of_a_normal_matrix(height: int, width: int, dtype: str) -> None:
    """Q is the QR factor, with R's diagonal positive, of the matrix whose reflected columns the draws are."""
    rows, above = normal_rows(height, width, dtype), normal_rows(height, width, dtype, seed=1)
    gaussian = np.zeros((height, width), dtype)
    for k in reversed(range(width)):
        gaussian[:, k] = np.concatenate([above[k, :k], rows[k, k:]])
        gaussian[:, k + 1 :] = reflect(rows[k, k:], gaussian[:, k + 1 :])[0]
    q, r = np.linalg.qr(gaussian)
    diagonal = np.diag(r)
    np.testing.assert_allclose(whole(rows), q * (diagonal / np.abs(diagonal)), atol=1e-13, rtol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_some_columns_equal_those_of_the_whole(height: int, width: int, dtype: str) -> None:
    """Every choice of columns gives the columns of the whole."""
    rows = normal_rows(height, width, dtype)
    q, rng = whole(rows), np.random.default_rng(5)
    choices = [np.array([0]), np.array([width - 1]), np.arange(0, width, 3), np.arange(width // 2, width)]
    choices.append(np.flatnonzero(rng.random(width) < 0.2))
    for columns in choices:
        out = np.full((height, len(columns)), np.nan, dtype)
        fill_columns(np, out, columns, drawer(rows))
        assert np.abs(out - q[:, columns]).max(initial=0) < tolerance(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_some_rows_equal_those_of_the_whole(height: int, width: int, dtype: str) -> None:
    """Every choice of rows, in any order, gives the rows of the whole, at all or some columns."""
    rows = normal_rows(height, width, dtype)
    q, rng = whole(rows), np.random.default_rng(6)
    few_columns = np.flatnonzero(rng.random(width) < 0.3)
    for taken in (np.array([0]), np.array([height - 1]), rng.permutation(height)[: 1 + height // 9]):
        for columns in (np.arange(width), few_columns, np.arange(width)[: width // 2 + 1]):
            made = some_rows(rows, taken, columns)
            assert np.abs(made - q[np.ix_(taken, columns)]).max(initial=0) < tolerance(dtype)


@pytest.mark.parametrize("make", [fill_columns, "rows"])
def test_only_the_reflectors_needed_are_drawn(make: Any) -> None:
    """Column j draws rows 0 to j of the draw, each from its diagonal on, and each once."""
    rows = normal_rows(600, 500, "float64")
    asked: list[int] = []

    def draw_rows(first: int, count: int) -> Matrix:
        asked.extend(range(first, first + count))
        return rows[first : first + count, first:].copy()

    columns = np.array([3, 250])
    if make == "rows":
        fill_rows(np, np.empty((1, 2)), np.array([7]), columns, 600, draw_rows)
    else:
        fill_columns(np, np.empty((600, 2)), columns, draw_rows)
    assert sorted(asked) == list(range(251))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_zero_where_the_sign_is_taken_keeps_the_column(dtype: str, zero: float) -> None:
    """An exact 0, of either sign, in the place that decides the sign does not zero a column."""
    rows = normal_rows(9, 9, dtype)
    for k in (0, 4, 8):
        rows[k, k] = zero
    q = whole(rows)
    assert unitarity_error(q) < tolerance(dtype)
    first = rows[0] / np.linalg.norm(rows[0].astype(np.complex128))
    assert np.abs(q[:, 0] - first).max() < tolerance(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_draw_of_zeros_still_gives_a_unitary_matrix(dtype: str) -> None:
    """Rows of nothing but zeros, which no generator gives, lead to no NaN."""
    rows = normal_rows(6, 6, dtype)
    rows[2] = 0
    assert unitarity_error(whole(rows)) < tolerance(dtype)
    assert np.abs(some_rows(rows, np.arange(6), np.arange(6)) - whole(rows)).max() < tolerance(dtype)


def test_one_by_one_is_exactly_the_sign() -> None:
    """The last reflector of a square matrix has no room to turn: 1x1 gives exactly 1 or -1."""
    for value in (0.3, -0.3, 1e-5, -7.0):
        assert whole(np.array([[value]], np.float32)).item() == np.sign(value)


@pytest.mark.parametrize(("height", "width"), [(1500, 1500), (200_000, 3)])
def test_float32_stays_orthogonal_at_size(height: int, width: int) -> None:
    """In large matrices the largest entry of `QᵀQ - I` is below 1e-6: long sums do not add up errors."""
    assert unitarity_error(whole(normal_rows(height, width, "float32"))) < 1e-6


def test_either_memory_layout_can_be_filled() -> None:
    """A transposed array is filled with the same values, up to rounding."""
    rows = normal_rows(300, 260, "float32")
    out = np.full((260, 300), np.nan, np.float32).T
    fill_columns(np, out, np.arange(260), drawer(rows))
    assert np.abs(out - whole(rows)).max() < 2e-6


def peak_bytes(run: Callable[[], object]) -> int:
    """The most memory that NumPy holds at once during a run."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_beside_the_result_is_some_blocks() -> None:
    """Beside the matrix, columns need a few blocks of 192 rows and one panel of the product."""
    rows = normal_rows(1800, 1800, "float32")
    out = np.empty((1800, 1800), np.float32)
    block = 192 * 1800 * 4
    assert peak_bytes(lambda: fill_columns(np, out, np.arange(1800), drawer(rows))) < 5 * block + 2**22


def test_nothing_is_drawn_for_nothing() -> None:
    """No columns and no rows draw nothing."""

    def draw_rows(first: int, count: int) -> Matrix:
        raise AssertionError

    fill_columns(np, np.empty((5, 0)), np.arange(0), draw_rows)
    fill_rows(np, np.empty((0, 3)), np.arange(0), np.arange(3), 5, draw_rows)
