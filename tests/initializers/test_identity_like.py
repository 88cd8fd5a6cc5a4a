"""ZerO and IDInit, against Hadamard matrices and identities put together by NumPy and SciPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import hadamard

import initkit as ik

Array = np.ndarray[Any, Any]


def papers_matrix(outputs: int, inputs: int, *, orthonormal: bool = False) -> Array:
    """The paper's algorithm 1, for a matrix of (out, in): partial identities around a Hadamard matrix."""
    if outputs <= inputs:
        return np.eye(outputs, inputs)
    order = math.ceil(math.log2(outputs))
    factor = 2.0 ** (-order / 2 if orthonormal else -(order - 1) / 2)
    made: Array = factor * np.eye(outputs, 2**order) @ hadamard(2**order) @ np.eye(2**order, inputs)
    return made


@pytest.mark.parametrize("orthonormal", [False, True])
@pytest.mark.parametrize(
    ("outputs", "inputs"), [(1, 1), (5, 5), (3, 8), (8, 3), (2, 1), (9, 8), (33, 7), (100, 99), (64, 1)]
)
def test_zero_is_the_papers_algorithm(outputs: int, inputs: int, orthonormal: bool) -> None:
    """Square and wide matrices are partial identities, tall ones are cut from a Hadamard matrix."""
    expected = papers_matrix(outputs, inputs, orthonormal=orthonormal)
    made = ik.ZerO(orthonormal=orthonormal, layout="torch")((outputs, inputs), "float64")
    np.testing.assert_allclose(made, expected, rtol=2e-16)
    assert (ik.ZerO(orthonormal=orthonormal)((inputs, outputs), "float64") == made.T).all()
    assert not np.signbit(made[made == 0]).any()


@pytest.mark.parametrize(("outputs", "inputs"), [(6, 4), (4, 6)])
def test_zero_puts_the_matrix_at_the_centre(outputs: int, inputs: int) -> None:
    """All positions of a kernel but k//2 are 0, and plain zeros."""
    for lengths in ((1,), (2,), (3, 3), (4, 3), (2, 3, 5)):
        made = ik.ZerO(layout="torch")((outputs, inputs, *lengths), "float64")
        expected = np.zeros(made.shape)
        centre: tuple[Any, ...] = (..., *(length // 2 for length in lengths))
        expected[centre] = papers_matrix(outputs, inputs)
        np.testing.assert_allclose(made, expected, rtol=2e-16)
        assert not np.signbit(made[made == 0]).any()


@pytest.mark.parametrize("inputs", [1, 5, 32, 63])
def test_zero_preserves_norms_where_the_outputs_are_a_power_of_two(inputs: int) -> None:
    """The orthonormal matrix keeps every input's norm; the paper's factor is √2 more."""
    made = ik.ZerO(orthonormal=True)((inputs, 64), "float64")
    np.testing.assert_allclose(made @ made.T, np.eye(inputs), atol=1e-15)
    np.testing.assert_allclose(ik.ZerO()((inputs, 64), "float64"), math.sqrt(2) * made, rtol=1e-15)


def test_zero_reaches_every_output() -> None:
    """An input is passed on to all outputs, as the paper wants; a partial identity leaves some at 0."""
    image = np.array([4.0, 2.0, 1.0])
    assert np.count_nonzero(image @ ik.ZerO()((3, 8), "float64")) == 8
    assert np.count_nonzero(image @ ik.Identity()((3, 8), "float64")) == 3


@pytest.mark.parametrize(
    "shape", [(1, 2), (3, 8), (5, 33), (63, 100), (70_000, 70_001), (7, 6), (2, 3, 5, 6)]
)
@pytest.mark.parametrize("orthonormal", [False, True])
def test_zeros_moments_are_those_of_its_values(shape: tuple[int, ...], orthonormal: bool) -> None:
    """Mean and deviation are exact, for matrices too large to be made, too."""
    init = ik.ZerO(orthonormal)
    mean, std = init.moments(shape)
    if math.prod(shape) < 10**6:
        values = init(shape, "float64")
        assert (mean, std) == pytest.approx((values.mean(), values.std()), abs=1e-15)
    else:
        # The sums of rows are the fast Walsh-Hadamard transform of as many ones as there are columns.
        sums = (np.arange(2**17) < shape[1]).astype(np.int64).reshape((2,) * 17)
        for axis in range(17):
            sums = np.stack([sums.sum(axis), np.diff(-sums, axis=axis).squeeze(axis)], axis)
        factor = math.sqrt(2.0 ** (-17 if orthonormal else -16))
        assert mean == pytest.approx(factor * sums.ravel()[: shape[0]].sum() / math.prod(shape))
        assert std == pytest.approx(math.sqrt(factor**2 - mean**2))


def test_zeros_slices_of_a_giant_are_cheap() -> None:
    """A slice of a matrix of terabytes has the signs of its own indices."""
    part = ik.ZerO().lazy((10**6, 2**20), "float64")[999_998:, 12_345:12_348]
    expected = [
        [(-1) ** (row & column).bit_count() for column in (12345, 12346, 12347)] for row in (999998, 999999)
    ]
    np.testing.assert_allclose(part, np.array(expected) * 2.0**-9.5, rtol=2e-16)


@pytest.mark.parametrize(("outputs", "inputs"), [(4, 4), (9, 4), (4, 9), (12, 4), (1, 5), (5, 1)])
def test_idinit_repeats_the_identity(outputs: int, inputs: int) -> None:
    """Square matrices are the identity; others repeat it until they are full, the last time cut off."""
    size = min(outputs, inputs)
    repeats = math.ceil(outputs / size), math.ceil(inputs / size)
    expected = np.tile(np.eye(size), repeats)[:outputs, :inputs]
    assert (ik.IDInit(layout="torch")((outputs, inputs)) == expected).all()
    assert (ik.IDInit(scale=-0.5)((inputs, outputs)) == -0.5 * expected.T).all()
    assert np.linalg.matrix_rank(expected) == size


@pytest.mark.parametrize("shape", [(8, 3, 2, 2), (64, 3, 3), (2, 3, 3, 3), (27, 3, 3, 3)])
def test_idinits_kernels_pass_patches_on(shape: tuple[int, ...]) -> None:
    """A kernel is the matrix of its outputs and of its patches, and passes single entries of these on."""
    made = ik.IDInit(layout="torch")(shape)
    assert (made.reshape(shape[0], -1) == ik.IDInit(layout="torch")((shape[0], math.prod(shape[1:])))).all()
    order = (*range(2, len(shape)), 1, 0)
    assert (ik.IDInit()(tuple(shape[axis] for axis in order)) == made.transpose(order)).all()
    if shape[0] == math.prod(shape[1:]):
        patch = np.arange(27.0).reshape(3, 3, 3)
        assert (np.tensordot(made, patch, 3) == patch.ravel()).all()


def test_idinits_modes_and_scales() -> None:
    """The modes' scales are the paper's 1 and 1e-6, and can be others; zeros are plain zeros."""
    assert ik.IDInit()((2, 2)).tolist() == [[1, 0], [0, 1]]
    assert (ik.IDInit("zero")((2, 2), "float64") == 1e-6 * np.eye(2)).all()
    assert (ik.IDInit("zero", 0.25)((2, 2)) == 0.25 * np.eye(2)).all()
    assert not np.signbit(ik.IDInit(scale=-2.0)((3, 5))[ik.IDInit()((3, 5)) == 0]).any()


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (3, 3, 2, 5), (0, 4), (4, 0)])
@pytest.mark.parametrize("scale", [None, -3.0])
def test_idinits_moments_are_those_of_its_values(shape: tuple[int, ...], scale: float | None) -> None:
    """Mean and deviation over all elements, zeros included."""
    init = ik.IDInit(scale=scale)
    values = init(shape, "float64")
    expected = (values.mean(), values.std()) if values.size else (0.0, 0.0)
    assert init.moments(shape) == pytest.approx(expected)


@pytest.mark.parametrize("cls", [ik.ZerO, ik.IDInit])
@pytest.mark.parametrize(
    ("arguments", "shape", "error", "message"),
    [
        ({"layout": "IOO"}, None, ik.ArgumentError, "one output axis"),
        ({"layout": 3}, None, ik.ArgumentTypeError, "`layout` must be text"),
        ({}, (3,), ik.ShapeError, "does not fit the shape"),
    ],
)
def test_what_cannot_be_is_refused(
    cls: Any, arguments: dict[str, Any], shape: Any, error: type[Exception], message: str
) -> None:
    """Arguments are checked when they are given, shapes and dtypes before anything is made."""
    with pytest.raises(error, match=message):
        cls(**arguments).lazy(shape)
    for dtype in ("int8", "complex64"):
        with pytest.raises(ik.DTypeError, match=f"{cls.__name__} cannot make"):
            cls()((4, 4), dtype)


def test_own_arguments_are_checked() -> None:
    """Modes, scales and flags that do not exist are refused."""
    wrong: Any = ik.IDInit
    with pytest.raises(ik.ArgumentError, match=r"`mode` has no such value.*'preserve'"):
        wrong("preserved")
    with pytest.raises(ik.ArgumentTypeError, match="`mode` must be text"):
        wrong(None)
    with pytest.raises(ik.ArgumentError, match="`scale` is out of range"):
        wrong(scale=math.inf)
    with pytest.raises(ik.ArgumentError, match="beyond the range"):
        wrong(scale=1e6)((4, 4), "float16")
    with pytest.raises(ik.ArgumentTypeError, match="`orthonormal` must be True or False"):
        ik.ZerO(1)  # type: ignore[arg-type]
    assert ik.get("zero_init") == ik.ZerO()
    assert ik.get("zero") == ik.Zeros()
    assert ik.get("idinit") == ik.IDInit()
