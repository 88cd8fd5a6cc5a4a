"""Blocks that are orthogonal one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik


@pytest.mark.parametrize(
    ("shape", "axis", "gates"), [((20, 80), -1, 4), ((60, 20), 0, 3), ((5, 12, 8), 1, 2)]
)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_every_block_is_orthogonal_by_itself(
    shape: tuple[int, ...], axis: int, gates: int, dtype: str
) -> None:
    """Block k is Orthogonal's, from the child of that number, and has orthonormal columns or rows."""
    made = ik.BlockOrthogonal(gates, gain=1.5, axis=axis, seed=7)(shape, dtype)
    blocks = np.split(made, gates, axis)
    for number, block in enumerate(blocks):
        alone = ik.Orthogonal(1.5, seed=ik.SeedGenerator(7).child(str(number)))(block.shape, dtype)
        assert np.abs(block - alone).max() < 1.5 * 2e-6
        matrix = block.reshape(-1, block.shape[-1]) / 1.5
        matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
        assert np.abs(matrix.conj().T @ matrix - np.eye(matrix.shape[1])).max() < 2e-6
    assert np.abs(blocks[0] - blocks[1]).max() > 0.1


def test_gates_keep_the_norm_that_orthogonal_halves() -> None:
    """An LSTM's recurrence keeps its norm in each of four gates; in one wide matrix it loses half."""
    state = np.random.default_rng(0).normal(size=64)
    gates = np.split(state @ ik.BlockOrthogonal(seed=7)((64, 256), "float64"), 4)
    whole = np.split(state @ ik.Orthogonal(seed=7)((64, 256), "float64"), 4)
    np.testing.assert_allclose([np.linalg.norm(gate) for gate in gates], np.linalg.norm(state))
    assert np.mean([np.linalg.norm(gate) for gate in whole]) < 0.6 * np.linalg.norm(state)


def test_moments_are_those_of_a_block() -> None:
    """The mean square is that of a block, which exceeds that of one wide matrix."""
    init = ik.BlockOrthogonal(gain=3.0, seed=7)
    values = init((30, 120), "float64")
    assert init.moments((30, 120)) == pytest.approx((0.0, 3 / np.sqrt(30)))
    assert (values**2).mean() == pytest.approx(9 / 30)


@pytest.mark.parametrize(
    ("arguments", "shape", "error", "message"),
    [
        ({"gates": 0}, None, ik.ArgumentError, "`gates` is out of range"),
        ({"gates": 4.0}, None, ik.ArgumentTypeError, "`gates` must be an integer"),
        ({"gain": np.inf}, None, ik.ArgumentError, "`gain` is out of range"),
        ({"axis": None}, None, ik.ArgumentTypeError, "`axis` must be an integer"),
        ({}, (4, 6), ik.ShapeError, "cannot be cut into the blocks"),
        ({"axis": 2}, (4, 4), ik.ShapeError, "has no axis 2"),
        ({}, (8,), ik.ShapeError, "at least two-dimensional"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: dict[str, Any], shape: Any, error: type[Exception], message: str
) -> None:
    """Arguments are checked when they are given, shapes before anything is drawn."""
    with pytest.raises(error, match=message):
        ik.BlockOrthogonal(**arguments).lazy(shape)
    with pytest.raises(ik.DTypeError, match="BlockOrthogonal cannot make integer"):
        ik.BlockOrthogonal()((4, 4), "int8")
