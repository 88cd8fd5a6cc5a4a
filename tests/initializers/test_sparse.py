"""Sparse matrices: exact counts, PyTorch's law, slices, dtypes, the specification, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

LEVEL = 1e-5
SHAPES = [(1, 1), (10, 3), (128, 5), (129, 7), (300, 40), (1000, 3), (5, 600), (0, 3), (3, 0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 1 / 3, 0.9, 1.0])
def test_counts_are_exact(shape: tuple[int, ...], sparsity: float) -> None:
    """Every column has its zeros, and with the other axis every row, in as many as are asked for."""
    for axis in (0, 1, -1, -2):
        values = ik.Sparse(sparsity, seed=7, axis=axis)(shape)
        expected = math.ceil(round(sparsity * shape[axis], 9))
        assert ((values == 0).sum(axis=axis) == expected).all()
        assert not np.signbit(values[values == 0]).any()


@pytest.mark.parametrize(
    ("sparsity", "rows", "zeros"),
    [
        (0.07, 100, 7),
        (0.1, 10, 1),
        (0.29, 100, 29),
        (0.1, 11, 2),
        (1e-5, 100_000, 1),
        (0.55, 20, 11),
        (1, 7, 7),
    ],
)
def test_sparsity_is_the_decimal_number(sparsity: float, rows: int, zeros: int) -> None:
    """The decimal that is written counts, where binary rounding would make one zero more."""
    assert int((ik.Sparse(sparsity, seed=7)((rows, 1)) == 0).sum()) == zeros


def test_pytorch_has_the_same_counts_but_for_rounding() -> None:
    """Where the product is far from an integer, the count is PyTorch's; where it rounds up, one less."""
    for sparsity, more in ((0.33, 0), (0.5, 0), (0.07, 1)):
        theirs = torch.nn.init.sparse_(torch.empty(100, 4), sparsity)
        ours = ik.Sparse(sparsity, seed=7)((100, 4))
        assert int((theirs == 0).sum()) == int((ours == 0).sum()) + 4 * more


@pytest.mark.parametrize("axis", [0, 1])
def test_the_others_are_normal(axis: int) -> None:
    """Values that are not zero are those of the normal initializer of that seed, and have PyTorch's law."""
    values = ik.Sparse(0.4, 0.5, seed=7, axis=axis)((400, 300))
    normal = ik.RandomNormal(0.0, 0.5, seed=7)((400, 300))
    kept = values != 0
    assert np.array_equal(values[kept], normal[kept])
    torch.manual_seed(5)
    theirs = torch.nn.init.sparse_(torch.empty(400, 300), 0.4, 0.5).numpy()
    assert stats.ks_2samp(values[kept], theirs[theirs != 0]).pvalue > LEVEL
    assert stats.kstest(values[kept] / 0.5, stats.norm.cdf).pvalue > LEVEL


def test_zeros_are_where_the_specification_says() -> None:
    """From seed to zero, by the documented tree and rows, written again with exact fractions."""
    rows, columns, sparsity = 300, 6, 0.37
    total = math.ceil(0.37 * rows)
    root = ik.SeedGenerator(7)
    blocks = 3
    splits = ik.RandomUniform(0.0, 1.0, seed=root.child("splits"))((blocks, columns), "float64")
    words = ik.RandomUniform(0.0, 1.0, seed=root.child("members"))((128, blocks, columns))

    def split(members: int, all_rows: int, left: int, uniform: float) -> int:
        cumulated = 0
        for x in range(members + 1):
            cumulated += math.comb(left, x) * math.comb(all_rows - left, members - x)
            if ((cumulated << 33) // math.comb(all_rows, members) + 1) // 2 > math.floor(uniform * 2**32):
                return x
        raise AssertionError

    expected = np.zeros((rows, columns), bool)
    for column in range(columns):
        near = split(total, 300, 256, splits[2, column])
        first = split(near, 256, 128, splits[1, column])
        for block, count in enumerate((first, near - first, total - near)):
            length, missing = min(128, rows - 128 * block), count
            for row in range(length):
                if words[row, block, column] * np.float32(length - row) < missing:
                    expected[128 * block + row, column] = True
                    missing -= 1
    values = ik.Sparse(sparsity, seed=7)((rows, columns))
    assert np.array_equal(values == 0, expected)


def test_counts_of_tall_columns_are_where_the_specification_says() -> None:
    """From seed to the zeros in the left part of the root, by the documented trials, written again."""
    rows, left, columns = 40_000, 32_768, 12
    size, blocks = rows // 4, 313
    trials = ik.RandomUniform(0.0, 1.0, seed=ik.SeedGenerator(7).child("trials"))
    words = trials.lazy((64, 2, blocks, columns), "float64")[:, :, 256]
    spread = size / rows * ((rows - size) / rows) * left * ((rows - left) / (rows - 1))
    width = 1.7155277699214135 * math.sqrt(spread + 0.5) + 0.8989161620588988
    law, mode = stats.hypergeom(rows, size, left), (left + 1) * (size + 1) // (rows + 2)

    def zeros(column: int) -> int:
        for one, v in words[:, :, column].tolist():
            x: int = math.floor(size * (left / rows) + 0.5 + width * (v - 0.5) / (1 - one))
            if size - (rows - left) <= x <= size and 2 * math.log(1 - one) <= law.logpmf(x) - law.logpmf(
                mode
            ):
                return x
        return mode

    values = ik.Sparse(0.25, seed=7)((rows, columns))
    assert (values[:left] == 0).sum(axis=0).tolist() == [zeros(column) for column in range(columns)]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(700, 9), (9, 700), (260, 260), (3, 5000)], ids=str)
def test_slices(shape: tuple[int, ...], axis: int) -> None:
    """Any slice is that of the whole: single rows and columns, steps, backwards, across blocks."""
    init = ik.Sparse(0.3, seed=7, axis=axis)
    whole, lazy = init(shape, "float64"), init.lazy(shape, "float64")
    random = np.random.default_rng(5)
    for _ in range(25):
        cuts: list[slice | int] = []
        for length in shape:
            ends = random.integers(-length, length + 1, 2).tolist()
            step = int(random.choice([1, 1, 2, 150, -1, -3, -129]))
            cuts.append(
                slice(ends[0], ends[1], step) if random.random() < 0.8 else int(random.integers(length))
            )
        assert np.array_equal(lazy[tuple(cuts)], whole[tuple(cuts)])


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "bfloat16", "float8_e5m2", "complex64", "complex128"]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_zeros_are_the_same_in_every_dtype(dtype: str, axis: int) -> None:
    """One seed is one model: zeros do not move with the precision."""
    init = ik.Sparse(0.5, 1.0, seed=7, axis=axis)
    assert np.array_equal(init((200, 31), dtype) == 0, init((200, 31)) == 0)


def test_a_generator_advances() -> None:
    """Zeros come from the draw, too: another draw, other zeros."""
    init = ik.Sparse(0.5, seed=ik.SeedGenerator(7))
    first, second = init((64, 8)), init((64, 8))
    assert not np.array_equal(first == 0, second == 0)
    assert np.array_equal(first, ik.Sparse(0.5, seed=7)((64, 8)))


def test_moments() -> None:
    """The zeros count in the deviation."""
    assert ik.Sparse(0.75, 2.0).moments((8, 5)) == (0.0, 1.0)
    assert ik.Sparse(0.75, 2.0, axis=1).moments((5, 8)) == (0.0, 1.0)
    assert ik.Sparse(1.0).moments((8, 5)) == ik.Sparse(0.0, 0.0).moments((8, 5)) == (0.0, 0.0)
    assert ik.Sparse(0.5).moments((0, 5)) == (0.0, 0.01)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"sparsity": -0.1},
            ArgumentError,
            "`sparsity` is out of range. Received: sparsity=-0.1.*from 0.0 to 1.0",
        ),
        ({"sparsity": 1.5}, ArgumentError, "`sparsity` is out of range"),
        ({"sparsity": None}, ArgumentTypeError, "`sparsity` must be a real number"),
        ({"sparsity": 0.5, "std": -1.0}, ArgumentError, "`std` is out of range"),
        ({"sparsity": 0.5, "axis": 2}, ShapeError, "A matrix has no axis 2"),
        ({"sparsity": 0.5, "axis": True}, ArgumentTypeError, "`axis` must be an integer"),
        ({"sparsity": 0.5, "seed": -1}, ArgumentError, "cannot be negative"),
    ],
    ids=repr,
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Bad arguments are refused when the object is made."""
    with pytest.raises(error, match=message):
        ik.Sparse(**arguments)


def test_calls_are_checked() -> None:
    """Shapes that are no matrix and dtypes that hold no normal values are refused."""
    for shape in ((), (3,), (3, 3, 3)):
        for use in (ik.Sparse(0.5), ik.Sparse(0.5).moments):
            with pytest.raises(ShapeError, match="Sparse makes matrices"):
                use(shape)
    with pytest.raises(DTypeError, match="Sparse cannot make integer"):
        ik.Sparse(0.5)((3, 3), "int8")
    with pytest.raises(ArgumentError, match="leave the range"):
        ik.Sparse(0.5, 1e6)((3, 3), "float16")
